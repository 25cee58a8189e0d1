/** Makes an audit off the main thread: embeds every face with the user's network, or takes saved embeddings, and judges them. */
import type { AuditColumns } from '@arcface/cleaner';
import { embedImages } from '@arcface/trainer';
import { columnBuffers } from '../audit/column-buffers.ts';
import type { FaceSource } from '../faces/face-source.ts';
import { openDataset } from '../faces/open-dataset.ts';
import type { ChosenFile } from '../session/chosen-files.ts';
import { auditOfEmbeddings, type DatasetEmbeddings } from './audit-of-embeddings.ts';
import { canvasDecoder } from './canvas-decoder.ts';
import { type ComputeBackend, startBackend } from './compute-backend.ts';
import { openNetwork } from './network-files.ts';
import { readNpy } from './npy.ts';

export interface MakeAuditRequest {
  readonly source: FaceSource;
  /** Names by label. */
  readonly names: ReadonlyMap<number, string> | undefined;
  readonly models: readonly ChosenFile[];
  /** Default: WebGPU where there is one. */
  readonly backend: ComputeBackend | undefined;
}

export type MakeAuditReply =
  | { readonly kind: 'progress'; readonly what: string; readonly share: number | undefined }
  | { readonly kind: 'done'; readonly columns: AuditColumns; readonly computedBy: string }
  | { readonly kind: 'failed'; readonly message: string };

const BATCH = 32;

const reply = (message: MakeAuditReply, transfer: Transferable[] = []): void =>
  self.postMessage(message, { transfer });

addEventListener('message', async ({ data }: MessageEvent<MakeAuditRequest>) => {
  try {
    reply({ kind: 'progress', what: 'Reading the labels', share: undefined });
    const dataset = await openDataset(data.source, data.names);
    const { computedBy, ...embedded } = await embeddingsOf(data, dataset);
    reply({ kind: 'progress', what: 'Judging every face', share: undefined });
    const columns = auditOfEmbeddings(dataset, embedded);
    await dataset.close();
    reply({ kind: 'done', columns, computedBy }, columnBuffers(columns));
  } catch (error) {
    reply({ kind: 'failed', message: (error as Error).message });
  }
});

async function embeddingsOf(
  { models, backend }: MakeAuditRequest,
  dataset: Awaited<ReturnType<typeof openDataset>>,
): Promise<DatasetEmbeddings & { readonly computedBy: string }> {
  const saved = models.find(({ path }) => path.endsWith('.npy'));
  if (saved !== undefined) {
    const { embeddings, rows, dimensions } = await readNpy(saved.file).catch((error: Error) => {
      throw new Error(`${saved.path}: ${error.message}.`);
    });
    if (rows !== dataset.length) {
      throw new Error(`${saved.path} has ${rows} rows, but the dataset has ${dataset.length} images.`);
    }
    return { embeddings, dimensions, failed: new Set(), computedBy: 'saved embeddings' };
  }
  reply({ kind: 'progress', what: 'Starting the network', share: undefined });
  const isOnnx = models.some(({ path }) => path.endsWith('.onnx'));
  const computedBy = isOnnx ? 'ONNX Runtime (wasm)' : await startBackend(backend);
  const backbone = await openNetwork(models, dataset, canvasDecoder);
  const { embeddings, dimensions, failed } = await embedImages({
    backbone,
    dataset,
    decoder: canvasDecoder,
    batchSize: BATCH,
    onProgress: ({ done, total, imagesPerSecond }) =>
      reply({
        kind: 'progress',
        what: `Embedding on ${computedBy}, ${Math.round(imagesPerSecond)} faces a second`,
        share: done / total,
      }),
  });
  return { embeddings, dimensions, failed: new Set(failed.map(({ position }) => position)), computedBy };
}

/**
 * Two networks that never saw the noisy labels, and the embeddings they give all of LFW: InsightFace's MobileFaceNet, and a
 * MobileFaceNet of another origin, as somebody would bring it in ONNX. Embedding takes minutes, so the rows are kept in
 * the system's temporary folder.
 */
import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backboneFromMxnet } from '@arcface/backbones';
import type { FaceDataset } from '@arcface/recordio';
import { openFaceDataset } from '@arcface/recordio/node';
import { embedImages } from '@arcface/trainer';
import { sharpDecoder } from 'arcface';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Lfw, ONNX_MODEL, PRETRAINED } from './lfw.ts';

export const NETWORKS = ['y1', 'onnx'] as const;
export type FrozenNetwork = (typeof NETWORKS)[number];

/** A row for every image of LFW, found by its path. */
export interface ImageEmbeddings {
  readonly dataset: FaceDataset;
  readonly dimensions: number;
  readonly of: (key: number | string) => Float32Array;
}

/** Embeds all of LFW, or reads what an earlier run kept. `y1` needs the backend to be set. */
export async function frozenEmbeddings(lfw: Lfw, network: FrozenNetwork): Promise<ImageEmbeddings> {
  const cache = join(tmpdir(), `arcface-lfw112-${network === 'y1' ? 'mobilefacenet-y1' : 'onnx'}.f32`);
  const dataset = await openFaceDataset(lfw.directory);
  if (!existsSync(cache)) {
    const rows = await (network === 'y1' ? embedByMxnetCheckpoint : embedByOnnx)(dataset);
    await writeFile(`${cache}.partial`, new Uint8Array(rows.buffer));
    await rename(`${cache}.partial`, cache);
  }
  const bytes = readFileSync(cache);
  const rows = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const dimensions = rows.length / dataset.length;
  const positionOf = new Map(Array.from({ length: dataset.length }, (_, i) => [dataset.key(i), i]));
  return {
    dataset,
    dimensions,
    of(key) {
      const start = positionOf.get(key)! * dimensions;
      return rows.subarray(start, start + dimensions);
    },
  };
}

async function embedByMxnetCheckpoint(dataset: FaceDataset): Promise<Float32Array> {
  const [prefix] = PRETRAINED.split(',');
  const backbone = backboneFromMxnet({
    symbol: readFileSync(`${prefix}-symbol.json`, 'utf8'),
    params: readFileSync(`${prefix}-0000.params`),
  });
  const { embeddings } = await embedImages({ backbone, dataset, decoder: sharpDecoder });
  backbone.dispose();
  return embeddings;
}

const SIDE = 112;
const BATCH = 64;

/** This file wants blue first, each channel as (x - 127.5) / 127.5. */
async function embedByOnnx(dataset: FaceDataset): Promise<Float32Array> {
  const session = await InferenceSession.create(ONNX_MODEL, { intraOpNumThreads: 2 });
  const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
  const plane = SIDE * SIDE;
  let rows = new Float32Array(0);
  for (let start = 0; start < dataset.length; start += BATCH) {
    const count = Math.min(BATCH, dataset.length - start);
    const pixels = new Float32Array(count * 3 * plane);
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const { bytes } = await dataset.read(start + i);
        const rgb = await sharpDecoder.decode(bytes, { height: SIDE, width: SIDE });
        for (let channel = 0; channel < 3; channel++) {
          const to = (i * 3 + 2 - channel) * plane;
          for (let p = 0; p < plane; p++) pixels[to + p] = (rgb[3 * p + channel]! - 127.5) / 127.5;
        }
      }),
    );
    const result = await session.run({ [input]: new Tensor('float32', pixels, [count, 3, SIDE, SIDE]) });
    const batch = result[output]!.data as Float32Array;
    if (start === 0) rows = new Float32Array((dataset.length * batch.length) / count);
    rows.set(batch, start * (batch.length / count));
  }
  await session.release();
  return rows;
}

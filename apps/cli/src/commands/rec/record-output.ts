/** Where records go: a folder that gets `train.rec`, `train.idx` and `property`, or a `.rec` with its `.idx`. */
import { existsSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FaceDataset, FaceRecordsSummary, RecordLayout } from '@arcface/recordio';
import { groupByIdentity, namesOf, writeFaceRecords } from '@arcface/recordio';
import { indexPathOf, writeFaceDataset, writeRecordFiles } from '@arcface/recordio/node';
import { type Command, Option } from 'commander';
import type { CommandContext } from '../../cli/define-command.ts';
import { refuseUsedFolder } from '../../cli/output-folder.ts';
import { CommandError } from '../../cli/usage-error.ts';

/** Options of commands that write a record file. */
export interface RecordOutputOptions {
  readonly output?: string;
  readonly overwrite?: boolean;
}

/** Adds the options of commands that write a record file. */
export function withRecordOutput(command: Command): Command {
  return command
    .option('--output <path>', 'folder for a train.rec and what goes with it, or a .rec (its .idx beside it)')
    .option('--overwrite', 'replace the records at the output; other files there stay');
}

/** The option that says how a dataset is written. */
export function outputLayoutOption(): Option {
  return new Option(
    '--layout <layout>',
    'records with header and identity records, or flat: nothing but images',
  )
    .choices(['insightface', 'flat'])
    .default('insightface');
}

/** Paths of the files that an output means. */
export function outputFiles(output: string): { readonly records: string; readonly index: string } {
  const records = output.endsWith('.rec') ? output : join(output, 'train.rec');
  return { records, index: indexPathOf(records) };
}

/** Refuses an output that is there, before any work is done. */
export async function refuseUsedOutput(output: string, overwrite: boolean | undefined): Promise<void> {
  if (overwrite) return;
  if (!output.endsWith('.rec')) return refuseUsedFolder(output, '--overwrite');
  for (const file of Object.values(outputFiles(output))) {
    if (existsSync(file)) {
      throw new CommandError(`${file} exists. Choose another --output, or give --overwrite.`);
    }
  }
}

/** Writes a `.rec` and its `.idx`, both or none. */
export async function writeRecordOutput<T>(
  output: string,
  overwrite: boolean | undefined,
  write: Parameters<typeof writeRecordFiles<T>>[0]['write'],
): Promise<T> {
  const { records } = outputFiles(output);
  await refuseUsedOutput(output, overwrite);
  const made = await mkdir(dirname(records), { recursive: true });
  try {
    return await writeRecordFiles({ path: records, overwrite, write });
  } catch (error) {
    if (made !== undefined) await rmdir(dirname(records)).catch(() => {});
    throw error;
  }
}

/** Writes text or bytes into a stream and closes it. */
export async function writeWhole(stream: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = stream.getWriter();
  await writer.write(bytes);
  await writer.close();
}

/** Writes a dataset; in the InsightFace layout the images of an identity are put together. */
export async function writeDataset(
  definition: {
    readonly dataset: FaceDataset;
    readonly output: string;
    readonly layout: RecordLayout;
    readonly overwrite: boolean | undefined;
    /** For the `property` file. */
    readonly imageSize?: { readonly height: number; readonly width: number } | undefined;
  },
  { console, signal }: CommandContext,
): Promise<FaceRecordsSummary> {
  const { output, layout, overwrite, imageSize } = definition;
  const dataset = layout === 'insightface' ? groupByIdentity(definition.dataset) : definition.dataset;
  const progress = console.progress('writing', { total: dataset.length, unit: 'images' });
  const shared = {
    images: imagesOf(dataset, signal),
    layout,
    property: imageSize,
    signal,
    onProgress: (images: number, bytes: number) =>
      progress.update(images, { note: `${(bytes / 1e6).toFixed(1)} MB` }),
  };
  const summary = output.endsWith('.rec')
    ? await writeRecordOutput(output, overwrite, (streams) => writeFaceRecords({ ...shared, ...streams }))
    : await writeFaceDataset({
        ...shared,
        directory: output,
        overwrite,
        identityNames: namesOf(dataset),
      });
  progress.stop();
  return summary;
}

/** Images read ahead of the one that is written. */
const READ_AHEAD = 8;

async function* imagesOf(
  dataset: FaceDataset,
  signal: AbortSignal,
): AsyncGenerator<{ label: number; bytes: Uint8Array }> {
  const underWay: ReturnType<FaceDataset['read']>[] = [];
  try {
    for (let position = 0; position < dataset.length; position++) {
      underWay.push(dataset.read(position, { signal }));
      underWay.at(-1)!.catch(() => {});
      if (underWay.length === READ_AHEAD) yield await underWay.shift()!;
    }
    while (underWay.length > 0) yield await underWay.shift()!;
  } finally {
    await Promise.allSettled(underWay);
  }
}

/** What commands that write a dataset answer. */
export function datasetResult(
  summary: FaceRecordsSummary,
  output: string,
  layout: RecordLayout,
): [value: object, lines: string[]] {
  const { records, images, identities, bytes } = summary;
  const files = outputFiles(output);
  return [
    { records, images, identities, layout, bytes, output: files.records, index: files.index },
    [
      `${images} images of ${identities} identities in ${records} records (${layout}), ${bytes} bytes`,
      `records  ${files.records}`,
    ],
  ];
}

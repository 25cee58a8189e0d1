/**
 * Writes a checkpoint larger than an array of bytes can be (4 GiB) into a folder, reads parts of it back, damages it, and sees that the one
 * before it is used. Takes that much disk, little memory, and half a minute; the folder is removed.
 *
 *     npx tsx tooling/mpi/large-checkpoint.ts --gigabytes 5 [--directory /data/tmp]
 *
 * Prints a line of JSON: sizes, seconds and the most memory that the process had.
 */
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { networkGraph } from '@arcface/backbones';
import { checkpointFileName, latestCheckpoint, openCheckpoint, resolveTrainOptions } from '@arcface/trainer';
import { FileCheckpointStore } from '@arcface/trainer/node';
import { checkpointFile } from '../../packages/trainer/src/checkpoints/checkpoint.ts';
import { writeBlob } from '../../packages/trainer/src/checkpoints/checkpoint-store.ts';

const { values: options } = parseArgs({
  options: {
    gigabytes: { type: 'string', default: '5' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const DIMENSIONS = 512;
const SUBCENTERS = 3;
/** Rows of a piece of 16 MiB. */
const ROWS = 8192;
const HEAD = 'head:fc7_0_weight';

/** @param classes of a head whose row r holds r, modulo what float32 tells apart */
function checkpoint(classes: number, step: number) {
  const rows = classes * SUBCENTERS;
  const shape = [rows, DIMENSIONS];
  function* pieces(): Generator<Float32Array> {
    const room = new Float32Array(ROWS * DIMENSIONS);
    for (let from = 0; from < rows; from += ROWS) {
      const piece = room.subarray(0, Math.min(ROWS, rows - from) * DIMENSIONS);
      for (let row = 0; row * DIMENSIONS < piece.length; row++)
        piece.fill(from + row, row * DIMENSIONS, (row + 1) * DIMENSIONS);
      yield piece;
    }
  }
  return checkpointFile({
    network: { name: 'y1', graph: networkGraph('y1') },
    head: {
      ...{ classes, subcenters: SUBCENTERS, embeddingSize: DIMENSIONS },
      margin: { m1: 1, m2: 0.5, m3: 0, s: 64 },
    },
    progress: { step, epoch: 0, position: 0, batch: 0 },
    options: resolveTrainOptions(),
    data: { images: classes, classes, hash: '0' },
    metrics: {},
    versions: {},
    tensors: [
      { name: HEAD, dtype: 'float32', shape, pieces },
      { name: `momentum:${HEAD.slice('head:'.length)}`, dtype: 'float32', shape, pieces },
    ],
  });
}

function check(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`not so: ${what}`);
}

const folder = await mkdtemp(join(options.directory, 'large-checkpoint-'));
try {
  const classes = Math.ceil((Number(options.gigabytes) * 2 ** 30) / (2 * 4 * SUBCENTERS * DIMENSIONS));
  const store = new FileCheckpointStore(folder);
  await writeBlob(store, checkpointFileName(1), checkpoint(10, 1));
  const begun = performance.now();
  const large = checkpoint(classes, 2);
  await writeBlob(store, checkpointFileName(2), large);
  const writeSeconds = (performance.now() - begun) / 1000;
  const path = join(folder, checkpointFileName(2));
  const { size } = await stat(path);
  check(size === large.byteLength && size > 2 ** 32, 'the file is as large as it should be, and above 4 GiB');

  const blob = await store.open(checkpointFileName(2));
  const { tensors } = await openCheckpoint(blob, path);
  const reading = performance.now();
  const rows = classes * SUBCENTERS;
  for (const tensor of tensors) {
    for (const from of [0, ROWS - 1, rows >> 1, rows - 2]) {
      const values = await tensor.read(from, from + 2);
      check(
        values.length === 2 * DIMENSIONS && values[0] === from && values.at(-1) === from + 1,
        `rows ${from} and after of ${tensor.name}`,
      );
    }
  }
  const readSeconds = (performance.now() - reading) / 1000;
  await blob.close();

  // What follows reads a tensor whole.
  const peak = process.resourceUsage().maxRSS * 1024;
  const file = await open(path, 'r+');
  await file.write(Uint8Array.of(1), 0, 1, size - 2 ** 20);
  await file.close();
  // Nothing but the momentum is damaged: who does not read it does not see it, and who does uses the one before.
  const isDamaged = (name: string): boolean => name.startsWith('momentum:');
  const latest = await latestCheckpoint(store, isDamaged);
  check(latest?.name === checkpointFileName(1) && latest.damaged.length === 1, 'the one before is used');

  process.stdout.write(
    `${JSON.stringify({ gibibytes: size / 2 ** 30, classes, writeSeconds, readSeconds, peakRssGibibytes: peak / 2 ** 30 })}\n`,
  );
} finally {
  await rm(folder, { recursive: true });
}

/**
 * How much memory it takes to save a model with a large head, and to put one back, beside the model itself. Takes so much disk, and some
 * seconds; the folder is removed. On Linux, which tells the most memory that a process had since it was last asked.
 *
 *     npx tsx tooling/mpi/checkpoint-memory.ts --gigabytes 1 [--directory /data/tmp]
 *
 * Prints a line of JSON: GiB of the file, and of memory that was there at most while it was written and read, above what was there before.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createBackbone } from '@arcface/backbones';
import { SubcenterHead } from '@arcface/subcenter-loss';
import {
  checkpointFileName,
  openCheckpoint,
  resolveTrainOptions,
  Sgd,
  trainableParameters,
} from '@arcface/trainer';
import { FileCheckpointStore } from '@arcface/trainer/node';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { checkpointFile } from '../../packages/trainer/src/checkpoints/checkpoint.ts';
import {
  captureTensors,
  headConfig,
  networkConfig,
  restoreTensors,
} from '../../packages/trainer/src/checkpoints/model-checkpoint.ts';

const { values: options } = parseArgs({
  options: {
    gigabytes: { type: 'string', default: '1' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const DIMENSIONS = 512;
const SUBCENTERS = 3;
const GIB = 2 ** 30;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of a line of /proc/self/status: `VmRSS` now, `VmHWM` at most. */
function memory(line: 'VmRSS' | 'VmHWM'): number {
  return 1024 * Number(new RegExp(`${line}:\\s*(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))![1]);
}

/** The most memory that something took beside what was there. */
async function besides(act: () => Promise<unknown>): Promise<number> {
  collectGarbage();
  const before = memory('VmRSS');
  // Forgets what was the most before.
  writeFileSync('/proc/self/clear_refs', '5');
  await act();
  return (memory('VmHWM') - before) / GIB;
}

await tf.setBackend('onnxruntime');
const folder = await mkdtemp(join(options.directory, 'checkpoint-memory-'));
try {
  const classes = Math.ceil((Number(options.gigabytes) * GIB) / (2 * 4 * SUBCENTERS * DIMENSIONS));
  const backbone = createBackbone({ network: 'y1-narrow', embeddingSize: DIMENSIONS });
  const head = new SubcenterHead({ classes, subcenters: SUBCENTERS, embeddingSize: DIMENSIONS });
  const model = { backbone, head, sgd: new Sgd(trainableParameters({ backbone, head })) };
  const store = new FileCheckpointStore(folder);
  const name = checkpointFileName(1);
  const saving = await besides(async () =>
    store.writePieces(
      name,
      checkpointFile({
        network: networkConfig(backbone),
        head: headConfig(head),
        progress: { step: 1, epoch: 0, position: 0, batch: 0 },
        options: resolveTrainOptions(),
        data: { images: classes, classes, hash: '0' },
        metrics: {},
        versions: {},
        tensors: await captureTensors(model),
      }),
    ),
  );
  const blob = await store.open(name);
  const loading = await besides(async () => {
    const { tensors } = await openCheckpoint(blob, name);
    await restoreTensors(tensors, model);
  });
  await blob.close();
  const { size } = await stat(join(folder, name));
  process.stdout.write(`${JSON.stringify({ gibibytes: size / GIB, classes, saving, loading })}\n`);
} finally {
  await rm(folder, { recursive: true });
}

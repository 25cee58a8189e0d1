import { expect, test } from 'vitest';
import { MemoryCheckpointStore } from '../checkpoints/checkpoint-store.ts';
import { FileCheckpointStore } from '../node/file-checkpoint-store.ts';
import { checkCheckpointSize } from './training-checks.ts';

const margin = { m1: 1, m2: 0.5, m3: 0, s: 64 };
// Only sizes are looked at: an identity's numbers, and a network that has one parameter.
const run = (classes: number) =>
  ({
    backbone: { parameters: new Map([['w', { variable: { size: 43_000_000 } }]]) },
    head: { classes, subcenters: 3, embeddingSize: 512, margin },
  }) as unknown as Parameters<typeof checkCheckpointSize>[0];

test('a checkpoint that is too large for its store is refused before anything is trained', () => {
  const memory = new MemoryCheckpointStore();
  expect(() => checkCheckpointSize(run(100_000), memory)).not.toThrow();
  expect(() => checkCheckpointSize(run(1_000_000), memory)).toThrow(
    /1000000 classes with 3 sub-centres of 512 numbers takes 11\.8 GiB, and this store writes files of less than 4/,
  );
  expect(() => checkCheckpointSize(run(1_000_000), new FileCheckpointStore('run'))).not.toThrow();
});

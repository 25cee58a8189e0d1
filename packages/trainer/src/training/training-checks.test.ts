import { expect, test } from 'vitest';
import { checkCheckpointSize } from './training-checks.ts';

const margin = { m1: 1, m2: 0.5, m3: 0, s: 64 };
// Only sizes are looked at: an identity's numbers, and a network that has one parameter.
const run = (classes: number) =>
  ({
    backbone: { parameters: new Map([['w', { variable: { size: 43_000_000 } }]]) },
    head: { classes, subcenters: 3, embeddingSize: 512, margin },
  }) as unknown as Parameters<typeof checkCheckpointSize>[0];

test('a checkpoint that is too large for one file is refused before anything is trained', () => {
  expect(() => checkCheckpointSize(run(100_000))).not.toThrow();
  expect(() => checkCheckpointSize(run(1_000_000))).toThrow(
    /1000000 classes with 3 sub-centres of 512 numbers takes 11\.8 GiB, and it is one file of less than 4/,
  );
});

import { networkGraph } from '@arcface/backbones';
import { expect, test } from 'vitest';
import { normalisesSingleImages } from './single-images.ts';

test.each([
  ['of one image', { batchSize: 1 }, 1, true],
  ['of two images', { batchSize: 2 }, 1, false],
  ['of one image a part', { batchSize: 8, accumulate: 8 }, 1, true],
  ['of one image a rank', { batchSize: 4 }, 4, true],
  ['of one image a rank, normalised together', { batchSize: 4, syncBatchNorm: true }, 4, false],
  ['of one image, the embedding at its averages', { batchSize: 1, frozen: ['fc1'] }, 1, false],
] as const)('batches %s', (_, options, ranks, expected) => {
  for (const network of ['y1', 'r50'])
    expect(normalisesSingleImages(networkGraph(network), options, ranks)).toBe(expected);
});

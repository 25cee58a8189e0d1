import { expect, it } from 'vitest';
import type { FaceGroups } from './face-groups.ts';
import { findLinkCut } from './link-cut.ts';

it('compares with the few others where nearly all images are one identity’s, and pairs at random are all its own', () => {
  const images = 2000;
  const identityOf = new Int32Array(images);
  identityOf[images - 1] = 1;
  const faces: FaceGroups = {
    images,
    dimensions: 2,
    unit: {
      rows: images,
      read: (row, into) => into.set([Math.cos(row), Math.sin(row)]),
    },
    identityOf,
    members: [Int32Array.from({ length: images - 1 }, (_, i) => i), Int32Array.of(images - 1)],
  };
  // Whoever is drawn, it is one of the first.
  let drawn = 0;
  const random = {
    uniform: () => 0,
    integer: (below: number) => drawn++ % Math.min(below, 900),
    permutation: (length: number) => new Int32Array(length),
  };
  const { linkCut, impostorMedian } = findLinkCut(faces, random);
  expect(Number.isFinite(linkCut)).toBe(true);
  expect(Math.abs(impostorMedian)).toBeLessThan(0.2);
});

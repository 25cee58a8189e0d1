import { expect, test } from 'vitest';
import { rawFaces } from '../testing/raw-faces.fixture.ts';
import { datasetFingerprint } from './dataset-fingerprint.ts';

const faces = (labels: number[], keys?: (number | string)[]) => {
  const dataset = rawFaces({ identities: labels.length, imagesPerIdentity: 1, height: 1, width: 1, labels });
  return keys ? { ...dataset, key: (position: number) => keys[position]! } : dataset;
};

test('counts images and classes', () => {
  expect(datasetFingerprint(faces([0, 0, 2]))).toMatchObject({ images: 3, classes: 2 });
});

test('is the same for the same keys and labels, and another for anything else', () => {
  const variants = [
    faces([0, 0, 1]),
    faces([0, 1, 1]),
    faces([1, 0, 0]),
    faces([0, 0, 1], [1, 2, 4]),
    faces([0, 0, 1], [12, '', 3]),
    faces([0, 0, 1], ['1', '23', '']),
  ];
  expect(datasetFingerprint(faces([0, 0, 1]))).toEqual(datasetFingerprint(variants[0]!));
  expect(new Set(variants.map((dataset) => datasetFingerprint(dataset).hash)).size).toBe(variants.length);
});

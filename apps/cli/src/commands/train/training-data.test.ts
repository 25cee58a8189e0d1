import { type FaceDataset, identitiesFromLabels } from '@arcface/recordio';
import { expect, test } from 'vitest';
import type { CommandContext } from '../../cli/define-command.ts';
import { trainingData } from './training-data.ts';

/** A dataset of which no image is looked at. */
function faces(labels: readonly number[]): FaceDataset {
  const given = Int32Array.from(labels);
  return {
    length: given.length,
    labels: given,
    identities: identitiesFromLabels(given),
    key: (position) => position,
    read: () => Promise.reject(new Error('nobody asks')),
    close: async () => {},
  };
}

function prepared(labels: readonly number[], options: { imagesFilter?: number; flipNoiseProb?: number }) {
  const said: string[] = [];
  const say = (line: string): void => {
    said.push(line);
  };
  const context = { console: { log: say, warn: say } } as unknown as CommandContext;
  const dataset = trainingData(
    faces(labels),
    { imagesFilter: 0, flipNoiseProb: 0, seed: 1, ...options },
    context,
  );
  return { dataset, said };
}

test('identities that lose every image to noise are no classes', () => {
  const { dataset, said } = prepared(
    Array.from({ length: 40 }, (_, i) => i),
    { flipNoiseProb: 0.5 },
  );
  const classes = dataset.identities.length;
  expect(classes).toBeLessThan(40);
  expect(dataset.length).toBe(40);
  expect(new Set(dataset.labels)).toEqual(new Set(Array.from({ length: classes }, (_, label) => label)));
  expect(dataset.identities.map(({ label }) => label)).toEqual(
    [...new Set(dataset.labels)].sort((a, b) => a - b),
  );
  expect(said).toEqual([
    '20 of 40 images are trained under the label of another identity',
    `${40 - classes} identities have lost every image to others, and are no classes`,
  ]);
});

test('labels with gaps are numbered, and identities with few images are left out', () => {
  const { dataset, said } = prepared([3, 3, 7, 9, 9], { imagesFilter: 2 });
  expect([...dataset.labels]).toEqual([0, 0, 1, 1]);
  expect(said).toEqual(['1 identities with fewer than 2 images are left out, and 1 images with them']);
  expect(() => prepared([3, 7], { imagesFilter: 2 })).toThrow(/No identity has 2 images or more/);
  expect([...prepared([3, 3, 7], {}).dataset.labels]).toEqual([0, 0, 1]);
});

test('an identity without images is refused, with the way to leave it out', () => {
  const dataset = faces([0, 0, 1]);
  const identities = [...dataset.identities, { label: 2, name: undefined, images: new Int32Array(0) }];
  const context = { console: { log: () => {} } } as unknown as CommandContext;
  const prepare = (imagesFilter: number) =>
    trainingData({ ...dataset, identities }, { imagesFilter, flipNoiseProb: 0, seed: 1 }, context);
  expect(() => prepare(0)).toThrow(/^1 of 3 identities have no image.*--images-filter 1/);
  expect(prepare(1).identities).toHaveLength(2);
});

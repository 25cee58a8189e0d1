import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFaceDataset } from '@arcface/recordio/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeStripedFaces } from '../../../cli/src/testing/striped-faces.ts';
import { openDataset } from './open-dataset.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-chosen-'));
  await writeStripedFaces(folder, { identities: 4, images: 3 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('gives a chosen folder the order that it has on a disk', async () => {
  const disk = await openFaceDataset(folder);
  const keys = Array.from({ length: disk.length }, (_, i) => String(disk.key(i)));
  const files = new Map(
    keys.toReversed().map((key) => [key, new Blob([new Uint8Array(readFileSync(join(folder, key)))])]),
  );
  const chosen = await openDataset({ kind: 'files', files }, undefined);
  expect(Array.from({ length: chosen.length }, (_, i) => chosen.key(i))).toEqual(keys);
  expect(chosen.labels).toEqual(disk.labels);
  expect(chosen.identities).toEqual(disk.identities);
  expect((await chosen.read(5)).bytes).toEqual(new Uint8Array((await disk.read(5)).bytes));
});

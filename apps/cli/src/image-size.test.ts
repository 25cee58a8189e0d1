import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFaceDataset } from '@arcface/recordio/node';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { imageSizeOf } from './image-size.ts';
import { SIDE, writeStripedFaces } from './testing/striped-faces.ts';

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-size-'));
  await writeStripedFaces(at('faces'), { identities: 2, images: 1 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sizeOf = async (data: string) => imageSizeOf(data, await openFaceDataset(at('faces')));

test('is what the property file in the folder says, and what the first image has where there is none', async () => {
  expect(await sizeOf(at('faces'))).toEqual({ height: SIDE, width: SIDE });
  // Somebody else's.
  writeFileSync(at('property'), '5,1,2\n');
  expect(await sizeOf(at('faces'))).toEqual({ height: SIDE, width: SIDE });
  writeFileSync(at('faces', 'property'), ' 2, 56,48 \r\n');
  expect(await sizeOf(at('faces'))).toEqual({ height: 56, width: 48 });
  writeFileSync(at('list.lst'), '');
  expect(await sizeOf(at('list.lst'))).toEqual({ height: 1, width: 2 });
});

test('is that of the image as it is shown', async () => {
  const photo = sharp({ create: { width: 30, height: 20, channels: 3, background: 'red' } });
  const first = at('faces', 'person-00', '00.jpg');
  await photo.withMetadata({ orientation: 6 }).jpeg().toFile(first);
  expect(await sizeOf(at('faces'))).toEqual({ height: 30, width: 20 });
});

test('a person of that name is none, and a file that says something else is named', async () => {
  mkdirSync(at('faces', 'property'));
  expect(await sizeOf(at('faces'))).toEqual({ height: SIDE, width: SIDE });
  rmSync(at('faces', 'property'), { recursive: true });
  writeFileSync(at('faces', 'property'), 'for sale');
  await expect(sizeOf(at('faces'))).rejects.toThrow(
    /faces.property: .*classes,height,width.*for sale.*move it away/,
  );
});

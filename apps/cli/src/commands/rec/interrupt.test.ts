import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeImageRecord, encodeRecord } from '@arcface/recordio';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromTheStart, runAndInterrupt } from '../../testing/run-in-process.ts';

/* Ctrl-C while a command runs. */

const INTERRUPTED = 130;
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-interrupt-'));
  const records = Array.from({ length: 20_000 }, (_, id) =>
    encodeRecord(encodeImageRecord({ label: id % 100, id, content: new Uint8Array(500).fill(id) })),
  );
  writeFileSync(join(folder, 'in.rec'), Buffer.concat(records));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const interrupt = (name: string, isTime: () => boolean) =>
  runAndInterrupt(
    isTime,
    'rec',
    name,
    join(folder, 'in.rec'),
    '--output',
    join(folder, name === 'index' ? 'out.idx' : 'out'),
  );

test('stops what is being written, and leaves nothing of it', async () => {
  const isWriting = () =>
    readdirSync(folder, { recursive: true }).some((name) => String(name).includes('partial'));
  const { exitCode, stderr, stdout } = await interrupt('shuffle', isWriting);
  expect(stderr).toMatch(/interrupted; nothing half-written is left/);
  expect([exitCode, stdout]).toEqual([INTERRUPTED, '']);
  expect(readdirSync(folder, { recursive: true })).toEqual(['in.rec']);
});

test.each(['unpack', 'pack', 'merge', 'shuffle', 'repair', 'index'])('%s heeds it', async (name) => {
  const { exitCode, stdout } = await interrupt(name, fromTheStart());
  expect([exitCode, stdout]).toEqual([INTERRUPTED, '']);
  expect(readdirSync(folder, { recursive: true })).toEqual(['in.rec']);
});

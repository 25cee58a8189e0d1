import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { discardWork, workFolder } from './work-options.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-work-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const OURS = [
  'chunk-00000000.safetensors',
  'chunk-00000001.safetensors.partial-4711',
  'scoring.safetensors',
  'scores-0123456789abcdef-00000000.safetensors',
];

function workOf(...files: string[]): string {
  const directory = join(folder, 'clean.work');
  mkdirSync(directory);
  for (const file of files) writeFileSync(join(directory, file), '');
  return directory;
}

describe('a folder of work that is done', () => {
  test('goes with all that is in it', async () => {
    const directory = workOf(...OURS);
    await discardWork({ directory, keep: false });
    expect(existsSync(directory)).toBe(false);
  });

  test('stays with what somebody else has put there', async () => {
    const directory = workOf(...OURS, 'notes.txt', 'my-chunk-00000000.safetensors');
    mkdirSync(join(directory, 'more'));
    await discardWork({ directory, keep: false });
    expect(readdirSync(directory)).toEqual(['more', 'my-chunk-00000000.safetensors', 'notes.txt']);
  });

  test('stays as it is for those who asked for it', async () => {
    const directory = workOf(...OURS);
    await discardWork({ directory, keep: true });
    expect(readdirSync(directory)).toHaveLength(OURS.length);
  });

  test('may never have been made', async () => {
    await discardWork({ directory: join(folder, 'none.work'), keep: false });
  });
});

describe('where work is kept', () => {
  test.each([
    ['clean', 'clean.work'],
    ['out/clean/', 'out/clean.work'],
    ['audit.jsonl', 'audit.jsonl.work'],
    ['.', `${process.cwd()}.work`],
    ['./', `${process.cwd()}.work`],
    ['..', `${dirname(process.cwd())}.work`],
  ])('beside %s: %s', (output, directory) => {
    expect(workFolder({}, output)).toEqual({ directory, keep: false });
  });

  test('or where it is said to be, and then for longer', () => {
    expect(workFolder({ work: 'here' }, 'clean')).toEqual({ directory: 'here', keep: true });
  });
});

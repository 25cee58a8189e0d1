import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { textLines } from './text-lines.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-lines-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function linesOf(text: string): Promise<string[]> {
  const path = join(folder, 'lines.txt');
  writeFileSync(path, text);
  const lines: string[] = [];
  for await (const line of textLines(path)) lines.push(line);
  return lines;
}

test.each([
  ['', []],
  ['\n', ['']],
  ['a', ['a']],
  ['a\nb\n', ['a', 'b']],
  ['a\n\nb', ['a', '', 'b']],
  ['a\r\nb', ['a\r', 'b']],
  ['\uFEFFa\n', ['a']],
  ['a\u2028b\u2029c\u0085d\n', ['a\u2028b\u2029c\u0085d']],
])('%j', async (text, lines) => {
  expect(await linesOf(text)).toEqual(lines);
});

test('a line and a letter may lie in several pieces of the file', async () => {
  const lines = ['é'.repeat(100_001), '写'.repeat(100_000), '', '😀'];
  expect(await linesOf(lines.join('\n'))).toEqual(lines);
});

test('a file that is not there is told of', async () => {
  await expect(textLines(join(folder, 'nothing')).next()).rejects.toThrow(/ENOENT/);
});

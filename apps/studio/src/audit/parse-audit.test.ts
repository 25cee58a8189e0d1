import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditRow, keyAt } from '@arcface/cleaner';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeAuditFile } from '../../../cli/src/cleaning/audit-file.ts';
import { parseJsonLines, parseParquet } from './parse-audit.ts';

const SAMPLE = readFileSync(new URL('../../sample/audit.jsonl', import.meta.url));
const ROWS = SAMPLE.toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as AuditRow);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-parse-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function inPieces(bytes: Uint8Array, ends: readonly number[]): ReadableStream<Uint8Array> {
  const cuts = [0, ...[...ends].sort((a, b) => a - b), bytes.length];
  return new ReadableStream({
    start(controller) {
      for (const [i, end] of cuts.slice(1).entries()) controller.enqueue(bytes.subarray(cuts[i]!, end));
      controller.close();
    },
  });
}

describe('an audit in JSON lines', () => {
  it('is the same wherever its bytes are cut', async () => {
    const text = [
      { ...ROWS[0]!, key: 'Zoë/1.jpg' },
      { ...ROWS[1]!, key: 'Ødegård/2.jpg' },
    ].map((row) => JSON.stringify(row));
    const bytes = new TextEncoder().encode(`${text.join('\r\n')}\n\n`);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 6 }), async (ends) => {
        const columns = await parseJsonLines(inPieces(bytes, ends));
        expect([0, 1].map((row) => keyAt(columns.keys, row))).toEqual(['Zoë/1.jpg', 'Ødegård/2.jpg']);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['{"key":1}\n', 'row 1: label must be a whole number from 0 to 2147483647, found nothing'],
    [`${JSON.stringify(ROWS[0])}\n{"key":\n`, 'row 2 is not JSON'],
    ['\n\n', 'the audit has no row'],
    ['{"key":1},{"key":2}\n', 'row 1 is not JSON'],
  ])('is refused, with the row: %j', async (text, message) => {
    await expect(parseJsonLines(inPieces(new TextEncoder().encode(text), []))).rejects.toThrow(message);
  });
});

it('is the same in Parquet', async () => {
  const path = join(folder, 'audit.parquet');
  await writeAuditFile(path, ROWS);
  const file = readFileSync(path);
  const { buffer, byteOffset, byteLength } = file;
  const tabular = await parseParquet({
    byteLength,
    slice: (start, end = byteLength) =>
      buffer.slice(byteOffset + start, byteOffset + (end < 0 ? byteLength + end : end)) as ArrayBuffer,
  });
  const { keys, ...rest } = await parseJsonLines(inPieces(SAMPLE, [1000, 5000]));
  const { keys: textKeys, ...restOfTabular } = tabular;
  expect(restOfTabular).toEqual(rest);
  expect(keyAt(textKeys, 767)).toBe(String(keyAt(keys, 767)));
});

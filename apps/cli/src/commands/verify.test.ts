import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runInProcess } from '../testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../testing/striped-faces.ts';

/* The same pairs in every format that lists of pairs come in give the same figures. */

const IDENTITIES = 4;
const IMAGES = 6;
let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-verify-'));
  await writeStripedFaces(at('faces'), { identities: IDENTITIES, images: IMAGES });
  const { exitCode } = await runInProcess(
    ...['train', '--data', at('faces'), '--output', at('run'), '--network', 'r8-narrow'],
    ...['--input-size', String(SIDE), '--embedding-size', '16', '--batch-size', '8', '--max-steps', '6'],
    ...['--lr', '.02', '--threads', '1'],
  );
  expect(exitCode).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const image = (identity: number, number: number) => `person-0${identity}/0${number}.jpg`;

/** Two folds, the pairs of one person first in each: what CFP's protocol and LFW's list have in common. */
const folds = [0, 2].map((first) => ({
  same: Array.from({ length: 6 }, (_, i) => [first + (i % 2), i % 3, first + (i % 2), 3 + (i % 3)] as const),
  different: Array.from(
    { length: 6 },
    (_, i) => [first, i, (first + 1 + (i % 3)) % IDENTITIES, 5 - i] as const,
  ),
}));

function write(name: string, text: string): string {
  mkdirSync(dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
  return at(name);
}

async function verify(pairs: string, images: string, ...more: string[]) {
  const { exitCode, stdout, stderr } = await runInProcess(
    ...['verify', '--model', at('run'), '--pairs', pairs, '--images', images, '--folds', '2', '--json'],
    ...more,
  );
  expect(stderr).not.toMatch(/error/);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout);
}

test('lists of paths and the protocol of CFP say the same; the report is one page', async () => {
  const lines = folds.flatMap(({ same, different }) =>
    [...same, ...different].map(([a, i, b, j]) => `${image(a, i)}\t${image(b, j)}\t${a === b ? 1 : 0}\n`),
  );
  const byPath = await verify(write('pairs.csv', lines.join('').replaceAll('\t', ',')), at('faces'));
  expect(byPath.pairs).toBe(24);
  expect(byPath.tarAtFar).toHaveLength(4);
  for (const { tar, low, high } of byPath.tarAtFar) {
    expect(low).toBeLessThanOrEqual(tar);
    expect(high).toBeGreaterThanOrEqual(tar);
  }

  const numbers = Array.from({ length: IDENTITIES * IMAGES }, (_, i) => i);
  const list = numbers
    .map((n) => `${n + 1} ../Data/Images/${image(Math.floor(n / IMAGES), n % IMAGES)}\n`)
    .join('');
  write('protocol/Pair_list_F.txt', list);
  write('protocol/Pair_list_P.txt', list);
  for (const [f, { same, different }] of folds.entries()) {
    for (const [name, pairs] of [
      ['same', same],
      ['diff', different],
    ] as const) {
      const text = pairs.map(([a, i, b, j]) => `${a * IMAGES + i + 1},${b * IMAGES + j + 1}\n`).join('');
      write(`protocol/Split/FP/0${f + 1}/${name}.txt`, text);
    }
  }
  const byCfp = await verify(at('protocol'), at('faces'), '--report', at('report.html'));
  expect({ ...byCfp, report: undefined }).toEqual({ ...byPath, report: undefined });

  const page = readFileSync(at('report.html'), 'utf8');
  expect(page).toMatch(/<polyline points="[\d., ]+"/);
  expect(page).toContain('12 pairs of one person, 12 of two');
  expect(page).not.toMatch(/NaN|undefined|https?:/);
});

test.each([
  [
    'an image that is not there',
    () => write('gone.txt', `${image(0, 0)} nobody/1.jpg 0\n`),
    /nobody\/1\.jpg/,
  ],
  [
    'a path out of the folder',
    () => {
      write('elsewhere.jpg', '');
      return write('outside.txt', `${image(0, 0)} ../elsewhere.jpg 0\n`);
    },
    /elsewhere\.jpg/,
  ],
  ['a folder that is no protocol', () => at('faces'), /not CFP's protocol/],
  ['a list that is not there', () => at('missing.txt'), /missing\.txt/],
])('refuses %s', async (_name, list, message) => {
  const { exitCode, stdout, stderr } = await runInProcess(
    ...['verify', '--model', at('run'), '--pairs', list(), '--images', at('faces'), '--json'],
    ...['--report', at('none.html')],
  );
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at /);
  expect(stdout).toBe('');
  expect(exitCode).toBe(1);
  expect(existsSync(at('none.html'))).toBe(false);
});

test.each([
  [
    'fewer pairs than folds',
    ['0 1', '1 0'],
    /few\.txt has 2 pairs, which cannot be split into 10 folds. Give --folds 2 or fewer/,
  ],
  ['pairs of one person only', ['0 1', '0 1'], /few\.txt has 2 pairs, 2 of them of one person/],
])('refuses %s before anything is embedded', async (_name, lines, message) => {
  const pairs = lines.map((line) => {
    const [other, same] = line.split(' ');
    return `${image(0, 0)} ${image(Number(other), 1)} ${same}\n`;
  });
  const list = write('few.txt', pairs.join(''));
  // The model is not even looked for.
  const { exitCode, stderr } = await runInProcess(
    ...['verify', '--model', at('no-model'), '--pairs', list, '--images', at('faces')],
  );
  expect(stderr).toMatch(message);
  expect(exitCode).toBe(1);
});

test('refuses a pack that is none, and names it', async () => {
  const pack = write('none.bin', 'pairs');
  const outcome = await runInProcess('verify', '--model', at('run'), '--bin', pack);
  expect(outcome.stderr).toMatch(/none\.bin is not a verification pack: At byte 0/);
  expect(outcome.exitCode).toBe(1);
});

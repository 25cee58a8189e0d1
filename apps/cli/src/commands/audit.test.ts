import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serializeSafetensors } from '@arcface/backbones';
import type { AuditRow } from '@arcface/cleaner';
import { injectNoise, seededRandom } from '@arcface/cleaner';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { npyHeader } from '../npy.ts';
import { runInProcess } from '../testing/run-in-process.ts';

/*
 * The audit of embeddings that are there already: drawn people with known noise, in every format that goes in and out.
 */

const DIMENSIONS = 48;
let folder: string;
const at = (name: string) => join(folder, name);
const random = seededRandom(1);
const direction = (scale: number) =>
  Array.from(
    { length: DIMENSIONS },
    () => (random.uniform() + random.uniform() + random.uniform() - 1.5) * scale,
  );
const labels = Array.from({ length: 400 }, (_, i) => Math.floor(i / 20));
const people = labels.filter((_, i) => i % 20 === 0).map(() => direction(1));
const image = (person: readonly number[]) => direction(0.6).map((v, d) => v + person[d]!);
const noisy = injectNoise(labels, { kind: 'mixed', rate: 0.2, outsiders: 60 });
const rows = Float32Array.from(
  Array.from(noisy.trueLabel, (label) => image(label < 0 ? direction(1) : people[label]!)).flat(),
);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-audit-'));
  writeFileSync(at('x.npy'), Buffer.concat([npyHeader([400, DIMENSIONS]), Buffer.from(rows.buffer)]));
  writeFileSync(
    at('x.safetensors'),
    serializeSafetensors({
      tensors: [{ name: 'embeddings', dtype: 'float32', shape: [400, DIMENSIONS], data: rows }],
      metadata: {},
    }),
  );
  const csv = (header: string, line: (i: number) => string) =>
    `${[header, ...labels.map((_, i) => line(i))].join('\n')}\n`;
  writeFileSync(
    at('labels.csv'),
    csv('key,label,identity', (i) => `"image ${i}, ""x""",${noisy.label[i]},Person ${noisy.label[i]}`),
  );
  writeFileSync(
    at('truth.csv'),
    csv('bad,true', (i) => `${noisy.bad[i]},${noisy.trueLabel[i]}`),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const audit = (output: string, ...more: string[]) =>
  runInProcess(
    'audit',
    '--embeddings',
    at('x.npy'),
    '--labels',
    at('labels.csv'),
    '--output',
    at(output),
    '--json',
    ...more,
  );
const jsonRows = (name: string) =>
  readFileSync(at(name), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditRow);

describe('arcface audit of embeddings', () => {
  test('measures itself against a truth, with intervals and by kind', async () => {
    const { exitCode, stdout } = await audit('a.jsonl', '--truth', at('truth.csv'), '--report', at('a.html'));
    expect(exitCode).toBe(0);
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ images: 400, unresolved: 0, merges: 0, splits: 0 });
    expect(result.metrics.f1).toBeGreaterThan(0.95);
    expect(result.intervals.f1[0]).toBeLessThan(result.metrics.f1);
    expect(result.metrics.auroc).toBeGreaterThan(0.99);
    const { good, outsider, elsewhere } = result.confusion;
    expect([good.images, outsider.images, elsewhere.images]).toEqual([320, 40, 40]);
    expect(elsewhere.suggestedRight).toBeGreaterThan(35);
    expect(jsonRows('a.jsonl')[7]).toMatchObject({
      key: 'image 7, "x"',
      label: noisy.label[7],
      identity: `Person ${noisy.label[7]}`,
    });
    const page = readFileSync(at('a.html'), 'utf8');
    expect(page).toContain('Most suspicious identities');
    expect(page).toContain('expected precision');
    expect(page).not.toMatch(/NaN|undefined|\[object/);
    const summary = JSON.parse(readFileSync(at('a.summary.json'), 'utf8'));
    expect(summary.proposals.relabels.length).toBe(result.relabel);
  });

  test('writes the same rows as CSV and as Parquet, and takes the same embeddings as safetensors', async () => {
    await audit('b-table.csv');
    await audit('b-columns.parquet');
    const again = await runInProcess(
      ...[
        'audit',
        '--embeddings',
        at('x.safetensors'),
        '--labels',
        at('labels.csv'),
        '--output',
        at('b.jsonl'),
      ],
    );
    expect(again.exitCode).toBe(0);
    const expected = jsonRows('b.jsonl');
    const table = await parquetReadObjects({ file: await asyncBufferFromFile(at('b-columns.parquet')) });
    expect(table.map(({ key, label, decision, angle }) => ({ key, label, decision, angle }))).toEqual(
      expected.map(({ key, label, decision, angle }) => ({ key, label, decision, angle })),
    );
    expect(table[0]!.votes).toBe(expected[0]!.votes.join(' '));
    const lines = readFileSync(at('b-table.csv'), 'utf8').trim().split('\n');
    expect(lines).toHaveLength(401);
    expect(lines[0]).toMatch(/^key,label,identity,votes,subcenter,dominant,angle,angleNearest,pClean/);
    expect(lines[1]).toMatch(/^"image 0, ""x""",/);
  });

  test('trains sub-centres on the embeddings for rules that need them', async () => {
    const { stdout } = await audit('k.jsonl', '--rule', 'angle', '--k', '2', '--truth', at('truth.csv'));
    expect(JSON.parse(stdout).metrics.f1).toBeGreaterThan(0.6);
    expect(jsonRows('k.jsonl').every(({ votes, pClean }) => votes.length === 2 && pClean === undefined)).toBe(
      true,
    );
    const quantile = JSON.parse((await audit('q.jsonl', '--rule', 'quantile', '--share', '.25')).stdout);
    expect(quantile.dropped).toBe(100);
  });

  test('sorts by suspicion, obeys a person, and carries proposals out', async () => {
    await audit('c.jsonl', '--sort', 'suspicion');
    const suspicion = jsonRows('c.jsonl').map(({ pClean }) => 1 - pClean!);
    expect(suspicion).toEqual(suspicion.toSorted((a, b) => b - a));
    expect(jsonRows('c.jsonl')).toHaveLength(400);

    const first = jsonRows('c.jsonl')[0]!.key;
    writeFileSync(at('decisions.jsonl'), `${JSON.stringify({ key: first, decision: 'keep' })}\n`);
    const { stdout } = await audit('d.jsonl', '--decisions', at('decisions.jsonl'), '--apply', 'relabel');
    const rows = jsonRows('d.jsonl');
    expect(rows.find(({ key }) => key === first)).toMatchObject({ decision: 'keep', rule: 'person' });
    expect(rows.filter(({ rule }) => rule === 'relabel').length).toBeGreaterThan(30);
    expect(JSON.parse(stdout).dropped).toBeLessThan(50);
  });

  test('goes by the probability of being bad that a decisions file states', async () => {
    const rule = { kind: 'auto', threshold: 0.05 };
    const header = { format: 'arcface-decisions', version: 1, rule };
    writeFileSync(at('careful.jsonl'), `${JSON.stringify(header)}\n`);
    await audit('e.jsonl', '--decisions', at('careful.jsonl'));
    for (const { pClean, decision } of jsonRows('e.jsonl')) {
      if (decision !== 'unresolved') expect(decision).toBe(1 - pClean! > 0.05 ? 'drop' : 'keep');
    }
    expect(JSON.parse(readFileSync(at('e.summary.json'), 'utf8')).rule).toMatchObject(rule);
  });

  test.each([
    [['--labels', 'x.npy'], /has no column "label"/],
    [['--truth', 'labels.csv'], /has no column "bad"/],
    [['--decisions', 'truth.csv'], /has no column "key"/],
    [['--rule', 'aum'], /needs the run that was trained/],
    [['--data', 'x'], /either --data and --model, or --embeddings/],
    [['--sort', 'size'], /--sort is data or suspicion/],
    [['--output', 'a.txt'], /\.jsonl, \.csv or \.parquet/],
    [['--embeddings', 'labels.csv'], /from \.npy or \.safetensors/],
    [['--embeddings', 'truth.npy'], /not a \.npy file/],
  ])('refuses %j by name', async (options, message) => {
    writeFileSync(at('truth.npy'), 'bad,true\n0,1\n');
    const [flag, value] = options as [string, string];
    const file = ['--rule', '--sort', '--data'].includes(flag) ? value : at(value);
    const { exitCode, stderr, stdout } = await audit('refused.jsonl', flag, file);
    expect(stderr).toMatch(message);
    expect(exitCode).toBeGreaterThan(0);
    expect(stdout).toBe('');
  });

  test('a matrix that is cut short is refused before anything is read', async () => {
    writeFileSync(at('short.npy'), readFileSync(at('x.npy')).subarray(0, 5000));
    const { stderr } = await audit('f.jsonl', '--embeddings', at('short.npy'));
    expect(stderr).toMatch(/\[400, 48\] of float32 takes \d+ bytes, the file has 5000/);
  });
});

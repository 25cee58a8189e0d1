import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AuditRow, serializeDecisions } from '@arcface/cleaner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInProcess } from '../testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../testing/striped-faces.ts';

/* Decide once with a network; do it, and other things, from the audit alone. */

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const run = async (...args: string[]) => {
  const outcome = await runInProcess(...args, '--json');
  expect(outcome.stderr).not.toMatch(/^error/m);
  return JSON.parse(outcome.stdout);
};
const bytes = (output: string) =>
  ['train.rec', 'train.idx', 'property'].map((name) => readFileSync(at(output, name)));
const rows = (output: string) =>
  readFileSync(at(output, 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditRow);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-audited-'));
  await writeStripedFaces(at('faces'), { identities: 5, images: 8 });
  writeFileSync(at('faces', 'broken.txt'), 'no image');
  const network = ['--network', 'r8-narrow', '--embedding-size', '16', '--input-size', String(SIDE)];
  await run(
    'train',
    '--data',
    at('faces'),
    '--output',
    at('run'),
    ...network,
    '--batch-size',
    '8',
    '--max-steps',
    '2',
  );
  await run(
    'drop',
    '--data',
    at('faces'),
    '--model',
    at('run'),
    '--rule',
    'quantile',
    '--share',
    '.2',
    '--output',
    at('by-model'),
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('arcface drop --audit', () => {
  test('writes the same dataset as the network did, without it', async () => {
    const audit = at('by-model', 'audit.jsonl');
    const result = await run('drop', '--data', at('faces'), '--audit', audit, '--output', at('by-audit'));
    expect(result.dropped).toBeGreaterThan(0);
    expect(bytes('by-audit')).toEqual(bytes('by-model'));
    expect(rows('by-audit')).toEqual(rows('by-model'));
    const provenance = JSON.parse(readFileSync(at('by-audit', 'provenance.json'), 'utf8'));
    expect(provenance).toMatchObject({ rule: { kind: 'recorded' }, audit: { path: audit } });
    expect(provenance.data).toEqual(JSON.parse(readFileSync(at('by-model', 'provenance.json'), 'utf8')).data);
  });

  test('takes the rule that the decisions stand over, unless the user states another', async () => {
    const audit = at('by-model', 'audit.jsonl');
    const [first, second] = rows('by-model');
    const angles = rows('by-model').map(({ angle }) => angle);
    const [low, high] = [15, 30].map(
      (rank) => Math.round(10 * angles.toSorted((a, b) => a - b)[rank]!) / 10,
    ) as [number, number];
    const decisions = [
      { key: first!.key, decision: first!.decision === 'drop' ? ('keep' as const) : ('drop' as const) },
      { key: second!.key, decision: 'relabel' as const, label: 3 },
    ];
    writeFileSync(
      at('review.json'),
      serializeDecisions({ reviewer: 'Ada', rule: { kind: 'angle', degrees: high }, decisions }),
    );
    const drop = (output: string, ...more: string[]) =>
      run('drop', '--data', at('faces'), '--decisions', at('review.json'), '--output', at(output), ...more);
    await drop('reviewed', '--audit', audit);
    await drop('reviewed-by-model', '--model', at('run'));
    expect(bytes('reviewed')).toEqual(bytes('reviewed-by-model'));
    const [one, two, ...others] = rows('reviewed');
    expect(one).toMatchObject({ decision: decisions[0]!.decision, rule: 'person' });
    expect(two).toMatchObject({ decision: 'keep', rule: 'person' });
    for (const row of others) expect(row.decision).toBe(row.angle < high ? 'keep' : 'drop');
    // The audit that this left behind says all of it, the relabel too.
    const left = at('reviewed', 'audit.jsonl');
    expect(rows('reviewed')[1]).toMatchObject({ movedTo: 3 });
    await run('drop', '--data', at('faces'), '--audit', left, '--output', at('repeated'));
    expect(bytes('repeated')).toEqual(bytes('reviewed'));
    await drop('stated', '--audit', audit, '--threshold', String(low));
    for (const row of rows('stated').slice(2)) expect(row.decision).toBe(row.angle < low ? 'keep' : 'drop');
    await drop('as-recorded', '--audit', audit, '--rule', 'recorded');
    expect(rows('as-recorded').slice(2)).toMatchObject(
      rows('by-model')
        .slice(2)
        .map(({ decision }) => ({ decision })),
    );
  });

  test('goes by a threshold where one is given, and says of what is for another rule that it is not looked at', async () => {
    const angles = rows('by-model').map(({ angle }) => angle);
    const middle = Math.round(10 * angles.toSorted((a, b) => a - b)[angles.length >> 1]!) / 10;
    const { stderr } = await runInProcess(
      ...['drop', '--data', at('faces'), '--audit', at('by-model', 'audit.jsonl')],
      ...['--threshold', String(middle), '--share', '.5', '--output', at('by-threshold')],
    );
    expect(stderr).toContain('--share is for the rule quantile; the rule angle does not look at it');
    expect(new Set(rows('by-threshold').map(({ decision }) => decision)).size).toBe(2);
    for (const row of rows('by-threshold')) expect(row.decision).toBe(row.angle < middle ? 'keep' : 'drop');
  });

  test.each([
    [['--model', 'run'], 2, /either --model or --audit/],
    [['--rule', 'auto'], 2, /do not hold all that the rule auto needs/],
    [['--hand-out'], 2, /With --audit nothing is embedded that could be divided: leave out --hand-out/],
    [['--data', 'by-model/train.rec'], 1, /is it of this dataset\?/],
  ])('is refused where it cannot be done: %j', async (more, exitCode, message) => {
    const resolved = more.map((each) => (each.startsWith('--') || each === 'auto' ? each : at(each)));
    const outcome = await runInProcess(
      ...['drop', '--data', at('faces'), '--audit', at('by-model', 'audit.jsonl'), '--output', at('refused')],
      ...resolved,
    );
    expect(outcome.stderr).toMatch(message);
    expect(outcome.exitCode).toBe(exitCode);
  });

  test('names the row that is no row', async () => {
    writeFileSync(at('damaged.jsonl'), '{"key":1,"label":0}\n');
    const outcome = await runInProcess(
      ...['drop', '--data', at('faces'), '--audit', at('damaged.jsonl'), '--output', at('refused')],
    );
    expect(outcome.stderr).toMatch(
      /damaged\.jsonl: row 1: decision must be keep, drop or unresolved, found nothing/,
    );
    expect(outcome.exitCode).toBe(1);
  });

  test.each([
    ['missing.jsonl', /missing\.jsonl cannot be read: ENOENT/],
    ['folder.jsonl', /folder\.jsonl cannot be read: EISDIR/],
  ])('refuses %s', async (audit, message) => {
    mkdirSync(at('folder.jsonl'), { recursive: true });
    const outcome = await runInProcess(
      ...['drop', '--data', at('faces'), '--audit', at(audit), '--output', at('refused')],
    );
    expect(outcome.stderr).toMatch(message);
    expect(outcome.exitCode).toBe(1);
  });
});

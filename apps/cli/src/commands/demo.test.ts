import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseProperty } from '@arcface/recordio';
import { openFaceDataset } from '@arcface/recordio/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, runInProcess } from '../testing/run-in-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'arcface-demo-'));
const output = join(folder, 'demo');
const small = [
  '--identities',
  '10',
  '--images-per-identity',
  '10',
  '--held-out-people',
  '20',
  '--epochs',
  '2',
];
const demo = (...args: string[]): Promise<Outcome> =>
  runInProcess('demo', '--output', output, '--threads', '1', '--json', ...small, ...args);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function lines(...path: string[]): string[] {
  return readFileSync(join(output, ...path), 'utf8')
    .trim()
    .split('\n');
}

describe('the demo, small', () => {
  let outcome: Outcome;
  let result: {
    images: number;
    noise: { precision: number; recall: number; f1: number; bad: number; dropped: number };
    verification: { noisy: { accuracy: number }; cleaned: { accuracy: number; images: number } };
    report: string;
  };
  beforeAll(async () => {
    outcome = await demo('--seed', '5');
    expect(outcome.stderr).not.toMatch(/^error/m);
    result = JSON.parse(outcome.stdout);
  });

  it('prints one JSON object with the figures', () => {
    expect(outcome.exitCode).toBe(0);
    expect(outcome.stdout.trim().split('\n')).toHaveLength(1);
    expect(result.images).toBe(100);
    expect(result.noise.bad).toBe(40);
    expect(result.verification.noisy.accuracy).toBeGreaterThan(0.4);
    expect(result.verification.cleaned.images).toBe(100 - result.noise.dropped);
  });

  it('counts what it says: the audit against the truth gives the same precision and recall', () => {
    const dropped = lines('cleaned', 'audit.jsonl').map((line) => JSON.parse(line).decision === 'drop');
    const bad = lines('data', 'truth.csv')
      .slice(1)
      .map((line) => line.startsWith('1,'));
    const both = dropped.filter((drop, i) => drop && bad[i]).length;
    expect(dropped).toHaveLength(100);
    expect(result.noise.precision).toBeCloseTo(both / dropped.filter(Boolean).length, 10);
    expect(result.noise.recall).toBeCloseTo(both / 40, 10);
  });

  it('leaves datasets that open, cleaned ones without gaps in the labels', async () => {
    const cleaned = await openFaceDataset(join(output, 'cleaned'));
    expect(cleaned.length).toBe(100 - result.noise.dropped);
    expect(cleaned.identities.map(({ label }) => label)).toEqual(cleaned.identities.map((_, i) => i));
    await cleaned.close();
    expect(parseProperty(readFileSync(join(output, 'data', 'property'), 'utf8'))).toEqual({
      classes: 10,
      height: 112,
      width: 112,
    });
  });

  it('writes a report that needs nothing else: no address, no script', () => {
    const report = readFileSync(result.report, 'utf8');
    expect(report).not.toMatch(/<script|<link|<iframe|url\(|@import|https?:/);
    expect([...report.matchAll(/ src="([^"]{0,23})/g)].map(([, source]) => source)).toEqual(
      expect.arrayContaining(['data:image/jpeg;base64,']),
    );
    expect(report).toContain(`${(100 * result.noise.precision).toFixed(1)} %`);
  });

  it('leaves models that the other commands take', async () => {
    const verified = await runInProcess(
      ...['verify', '--model', join(output, 'runs', 'cleaned-k1'), '--threads', '1', '--json'],
      ...['--pairs', join(output, 'held-out-pairs.txt'), '--images', join(output, 'held-out')],
    );
    expect(JSON.parse(verified.stdout).accuracy).toBeCloseTo(result.verification.cleaned.accuracy, 10);
  });

  it('replaces its own folder, with the same result for the same seed', async () => {
    const again = JSON.parse((await demo('--seed', '5')).stdout);
    expect(again.noise).toEqual(result.noise);
    expect(again.verification).toEqual(result.verification);
  });
});

describe('the demo refuses', () => {
  it('a folder that is not its own', async () => {
    writeFileSync(join(folder, 'precious.txt'), 'precious');
    const { exitCode, stderr } = await runInProcess('demo', '--output', folder);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/not empty.*--overwrite/);
    expect(readFileSync(join(folder, 'precious.txt'), 'utf8')).toBe('precious');
  });

  it('people who do not fit into ten folds', async () => {
    const { exitCode, stderr } = await runInProcess('demo', '--held-out-people', '25');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/multiple of ten/);
  });
});

it('never removes what it did not make, whatever it is told', async () => {
  const mine = join(folder, 'mine');
  mkdirSync(join(mine, 'data'), { recursive: true });
  writeFileSync(join(mine, 'data', 'thesis.txt'), 'mine');
  for (const args of [[], ['--overwrite']]) {
    const { exitCode, stderr } = await runInProcess('demo', '--output', mine, ...args);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(args.length === 0 ? /not empty/ : /has data, which the demo did not make/);
  }
  expect(readFileSync(join(mine, 'data', 'thesis.txt'), 'utf8')).toBe('mine');
});

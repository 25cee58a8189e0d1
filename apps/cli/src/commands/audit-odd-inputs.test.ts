import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { AuditRow } from '@arcface/cleaner';
import { keyAt, seededRandom } from '@arcface/cleaner';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAuditColumns } from '../cleaning/recorded-audit.ts';
import { npyHeader } from '../npy.ts';
import { runInProcess } from '../testing/run-in-process.ts';

/* What nobody has who made these files with care: it is judged, or refused by name, and never ends in a crash or in a number that is none. */

let folder: string;
const at = (name: string) => join(folder, name);
const random = seededRandom(3);

/** People as directions, and images near them. */
function faces(counts: readonly number[], dimensions = 8) {
  const labels = counts.flatMap((count, label) => Array<number>(count).fill(label));
  const people = counts.map(() => Array.from({ length: dimensions }, () => random.uniform() - 0.5));
  const rows = labels.map((label) => people[label]!.map((v) => v + 0.2 * (random.uniform() - 0.5)));
  return { labels, rows };
}

async function audit(
  { labels, rows }: { readonly labels: readonly number[]; readonly rows: readonly (readonly number[])[] },
  {
    keys,
    more = [],
    output = 'a.jsonl',
  }: { keys?: readonly string[]; more?: string[]; output?: string } = {},
) {
  const dimensions = rows[0]?.length ?? 1;
  const values = Float32Array.from(rows.flat());
  writeFileSync(
    at('x.npy'),
    Buffer.concat([npyHeader([rows.length, dimensions]), Buffer.from(values.buffer)]),
  );
  const table = labels.map((label, i) => (keys ? [keys[i], label, keys[i]] : [label]));
  writeFileSync(at('labels.csv'), stringify([keys ? ['key', 'label', 'identity'] : ['label'], ...table]));
  const result = await runInProcess(
    ...['audit', '--embeddings', at('x.npy'), '--labels', at('labels.csv'), '--output', at(output)],
    ...['--overwrite', '--json', ...more],
  );
  return { ...result, found: result.exitCode === 0 ? JSON.parse(result.stdout) : undefined };
}

const jsonRows = (): AuditRow[] =>
  readFileSync(at('a.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

function expectSoundRows(images: number): void {
  const rows = jsonRows();
  expect(rows).toHaveLength(images);
  for (const row of rows) {
    expect(Number.isFinite(row.angle) && Number.isFinite(row.angleNearest)).toBe(true);
    if (row.pClean === undefined) continue;
    expect(row.pClean + row.pOutsider! + row.pElsewhere!).toBeCloseTo(1, 5);
  }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-odd-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const RULES = [
  ['auto', []],
  ['self-trained', []],
  ['angle, one sub-centre', ['--rule', 'angle', '--k', '1']],
] as const;

describe.each(RULES)('the rule %s', (name, options) => {
  const rule = name === 'self-trained' || name === 'auto' ? ['--rule', name] : [...options];
  const judge = (data: Parameters<typeof audit>[0], more: string[] = []) =>
    audit(data, { more: [...rule, '--report', at('a.html'), ...more] });

  test.each<[string, () => Parameters<typeof audit>[0]]>([
    ['identities of one image', () => faces([1, 1, 1, 1, 1])],
    ['one image beside many', () => faces([1, 30, 2])],
    ['all images alike', () => ({ ...faces([5, 5, 5]), rows: Array(15).fill([1, 2, 3]) })],
    ['embeddings of zeros', () => ({ labels: [0, 0, 0, 1, 1, 1], rows: Array(6).fill([0, 0]) })],
    [
      'a row of zeros',
      () => {
        const { labels, rows } = faces([6, 6]);
        return { labels, rows: rows.map((row, i) => (i === 3 ? row.map(() => 0) : row)) };
      },
    ],
    ['a single dimension', () => faces([5, 6, 7], 1)],
    [
      'labels with gaps',
      () => {
        const { labels, rows } = faces([5, 5, 5]);
        return { labels: labels.map((label) => 7 + 1_000_000 * label), rows };
      },
    ],
    [
      'rows of very different length',
      () => {
        const { labels, rows } = faces([5, 5, 5]);
        return { labels, rows: rows.map((row, i) => row.map((v) => v * 10 ** ((i % 3) * 15 - 15))) };
      },
    ],
  ])('%s', async (_, make) => {
    const data = make();
    const { exitCode, stderr, found } = await judge(data);
    expect(exitCode, stderr).toBe(0);
    expect(found.images).toBe(data.labels.length);
    expectSoundRows(data.labels.length);
    expect(readFileSync(at('a.html'), 'utf8')).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  test('numbers that are none are refused, with row and column', async () => {
    const { labels, rows } = faces([4, 4]);
    const { exitCode, stderr } = await judge({
      labels,
      rows: rows.map((row, i) => row.map((v, d) => (i === 5 && d === 2 ? Number.NaN : v))),
    });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/row 5, column 2 is NaN/);
  });
});

test.each(['a.jsonl', 'a.csv', 'a.parquet'])(
  '%s may go into a folder that is not there yet',
  async (name) => {
    const { exitCode, stderr } = await audit(faces([4, 4]), { output: join(name.slice(2), 'new', name) });
    expect(exitCode, stderr).toBe(0);
  },
);

test('no image at all is said', async () => {
  const { exitCode, stderr } = await audit({ labels: [], rows: [] });
  expect(exitCode).toBe(1);
  expect(stderr).not.toMatch(/TypeError|undefined/);
});

test('a report in the place of the audit is refused, however the place is written', async () => {
  const other = join(folder, '..', basename(folder), '.', 'a.jsonl');
  for (const place of [at('a.jsonl'), other, `${folder}/./a.summary.json`]) {
    const { exitCode, stderr } = await audit(faces([4, 4]), { more: ['--report', place] });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/choose another name/);
  }
});

test.each(['labels.csv', 'x.npy', 'truth.csv'])(
  '%s is not written over, also when asked to',
  async (name) => {
    writeFileSync(at('truth.csv'), `bad\n${Array(8).fill('0').join('\n')}\n`);
    const { exitCode, stderr } = await audit(faces([4, 4]), {
      more: ['--truth', at('truth.csv'), '--report', at(name)],
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${at(name)} would replace ${at(name)}, which is read`);
  },
);

test.each([['--shard', '1/2'], ['--hand-out'], ['merge']])(
  'embeddings that are there are not divided: %s',
  async (...asked) => {
    writeFileSync(at('kept.jsonl'), 'an audit that somebody needs');
    const { exitCode, stderr } = await runInProcess(
      ...['audit', '--embeddings', at('x.npy'), '--labels', at('labels.csv'), '--output', at('kept.jsonl')],
      ...asked,
    );
    expect(exitCode).toBe(2);
    expect(stderr).toContain(
      `With --embeddings nothing is embedded that could be divided: leave out ${asked[0]}`,
    );
    expect(readFileSync(at('kept.jsonl'), 'utf8')).toBe('an audit that somebody needs');
  },
);

test('a single identity has nobody to be compared with', async () => {
  const { exitCode, stderr } = await audit(faces([9]));
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/at least 2, found 1/);
});

test.each(['', ',1'])('a truth of another number of rows is refused: %j more', async (extra) => {
  const data = faces([4, 4]);
  const count = extra === '' ? 7 : 9;
  writeFileSync(at('truth.csv'), `bad\n${Array(count).fill('0').join('\n')}\n`);
  const { exitCode, stderr } = await audit(data, { more: ['--truth', at('truth.csv')] });
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`has ${count} rows, but there are 8 images`);
});

test('a truth that is none is said before embeddings are looked for', async () => {
  writeFileSync(at('truth.csv'), 'bad\n2\n');
  const { exitCode, stderr } = await runInProcess(
    ...['audit', '--embeddings', at('none.npy'), '--labels', at('labels.csv'), '--output', at('b.jsonl')],
    ...['--truth', at('truth.csv')],
  );
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/truth\.csv, line 2: bad must be 0 or 1, found "2"/);
});

test('a truth without a bad image leaves undefined what is undefined', async () => {
  writeFileSync(at('truth.csv'), `bad\n${Array(8).fill('0').join('\n')}\n`);
  const { exitCode, found } = await audit(faces([4, 4]), { more: ['--truth', at('truth.csv')] });
  expect(exitCode).toBe(0);
  expect(found.metrics).toMatchObject({ recall: null, auroc: null, averagePrecision: null });
});

describe('names that would break a file', () => {
  const KEYS = [
    'Zoë Müller/写真 1.jpg',
    'comma, "quotes"/x.jpg',
    'line\nfeed.jpg',
    // The last one of label 0, whose name it becomes.
    '<script>alert(1)</script>',
    "'; DROP TABLE x; --",
    'carriage\rreturn.jpg',
    'back\\slash\ttab',
    '😀 emoji \u2028 separator',
  ];
  const data = () => faces([4, 4]);

  test.each(['a.jsonl', 'a.csv', 'a.parquet'])('%s gives them back as they were', async (output) => {
    const { exitCode, stderr } = await audit(data(), { keys: KEYS, output });
    expect(exitCode, stderr).toBe(0);
    const keys: unknown[] = output.endsWith('.jsonl')
      ? jsonRows().map(({ key }) => key)
      : output.endsWith('.csv')
        ? parse(readFileSync(at(output)), { columns: true }).map((row: unknown) => (row as AuditRow).key)
        : (await parquetReadObjects({ file: await asyncBufferFromFile(at(output)) })).map(({ key }) => key);
    expect(keys).toEqual(KEYS);
  });

  test('the audit is read again with them', async () => {
    await audit(data(), { keys: KEYS });
    const columns = await readAuditColumns(at('a.jsonl'));
    expect(KEYS.map((_, row) => keyAt(columns.keys, row))).toEqual(KEYS);
  });

  test('other programs read the table, too: a carriage return is in quotes', async () => {
    await audit(data(), { keys: KEYS, output: 'a.csv' });
    expect(readFileSync(at('a.csv'), 'utf8')).toContain('"carriage\rreturn.jpg"');
  });

  test('the report shows them as text', async () => {
    await audit(data(), {
      keys: KEYS,
      more: ['--rule', 'angle', '--threshold', '1', '--report', at('a.html')],
    });
    const page = readFileSync(at('a.html'), 'utf8');
    expect(page).not.toContain('<script');
    expect(page).toContain('&#60;script&#62;alert(1)');
  });
});

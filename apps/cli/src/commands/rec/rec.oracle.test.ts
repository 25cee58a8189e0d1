import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, runInProcess } from '../../testing/run-in-process.ts';

/* The files of the reference's own writers, and what MXNet says is in them; the damaged ones, and what is wrong there. */

const oracle = fileURLToPath(new URL('../../../../../../shared/oracle/recordio/', import.meta.url));
const absent = !existsSync(oracle);

const FACES = [
  'a_im2rec',
  'a_passthrough',
  'b_insightface',
  'b_gaps',
  'c_seq',
  'c_seq_unsorted',
  'e_multilabel',
];
const IMAGE_RECORDS = [...FACES, 'e_arrays'];
const ALL = [...IMAGE_RECORDS, 'd_magic'];

interface Manifest {
  readonly records: readonly {
    readonly key: number;
    readonly offset: number;
    readonly length: number;
    readonly sha256: string;
    readonly content_length: number;
    readonly content_sha256: string;
    readonly header: {
      readonly flag: number;
      readonly label: number | number[];
      readonly id: bigint;
      readonly id2: bigint;
    };
  }[];
}

/** Ids in the manifests go up to 2^64 - 1: every whole number past 15 digits is read as text and made a bigint. */
function manifest(name: string): Manifest {
  const text = readFileSync(`${oracle}${name}.json`, 'utf8').replace(/("id2?": )(\d+)/g, '$1"$2"');
  return JSON.parse(text, (key, value) =>
    key === 'id' || key === 'id2' ? BigInt(value) : value,
  ) as Manifest;
}

function rows({ stdout }: Outcome): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-rec-oracle-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of a file without its index. */
function alone(name: string): string {
  const path = join(folder, `${basename(name)}-alone.rec`);
  copyFileSync(`${oracle}${name}.rec`, path);
  return path;
}

describe.skipIf(absent)("the reference's records (needs ../shared)", () => {
  test.each(IMAGE_RECORDS)('ls: %s', async (name) => {
    const outcome = await runInProcess('rec', 'ls', `${oracle}${name}.rec`, '--json');
    expect(outcome.exitCode).toBe(0);
    expect(rows(outcome)).toEqual(
      manifest(name).records.map(({ key, offset, content_length, content_sha256, header }) => ({
        key,
        offset,
        length: content_length,
        flag: header.flag,
        labels: [header.label].flat().map((label) => label + 0),
        id: header.id > 2n ** 53n ? String(header.id) : Number(header.id),
        id2: header.id2 > 2n ** 53n ? String(header.id2) : Number(header.id2),
        sha256: content_sha256,
      })),
    );
  });

  test.each(ALL)('ls --raw: %s', async (name) => {
    const outcome = await runInProcess('rec', 'ls', `${oracle}${name}.rec`, '--json', '--raw');
    const expected = manifest(name).records.map(({ key, offset, length, sha256 }) => ({
      key,
      offset,
      length,
      sha256,
    }));
    expect(rows(outcome)).toEqual(expected);
  });

  test.each<[string, object]>([
    ['a_passthrough', { records: 12, images: 12, layout: 'flat', bytes: 11224 }],
    ['b_insightface', { records: 29, images: 23, identities: 5, layout: 'insightface', keysFrom: 'index' }],
    [
      'b_gaps',
      {
        records: 15,
        identities: 4,
        layout: 'insightface',
        smallestLabel: 2,
        largestLabel: 11,
        hasGaps: true,
      },
    ],
    ['c_seq', { records: 15, images: 15, layout: 'flat' }],
    ['d_magic', { records: 27, images: 0, identities: 0, layout: 'raw' }],
    ['e_arrays', { records: 8, images: 8, layout: 'flat' }],
  ])('info: %s', async (name, expected) => {
    const { stdout, exitCode } = await runInProcess('rec', 'info', `${oracle}${name}.rec`, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject(expected);
  });

  test.each(ALL)('verify: %s has no fault', async (name) => {
    const { stdout, exitCode } = await runInProcess('rec', 'verify', `${oracle}${name}.rec`, '--json');
    expect(JSON.parse(stdout)).toEqual({ records: manifest(name).records.length, faults: [], faultCount: 0 });
    expect(exitCode).toBe(0);
  });

  // The keys of e_arrays are not its ids, so no index can be made of it that is the same.
  test.each([...FACES, 'd_magic'])('index: %s is what the reference wrote', async (name) => {
    const path = alone(name);
    const { exitCode } = await runInProcess('rec', 'index', path);
    expect(exitCode).toBe(0);
    expect(readFileSync(path.replace(/rec$/, 'idx'))).toEqual(readFileSync(`${oracle}${name}.idx`));
  });

  test.each(IMAGE_RECORDS)('cat: every record of %s', async (name) => {
    const { records } = manifest(name);
    for (const { key, sha256, content_sha256 } of [records[0]!, records.at(-1)!]) {
      for (const [expected, ...more] of [[content_sha256], [sha256, '--raw']] as const) {
        const { bytes } = await runInProcess('rec', 'cat', `${oracle}${name}.rec`, String(key), ...more);
        expect(createHash('sha256').update(bytes).digest('hex')).toBe(expected);
      }
    }
  });

  test('unpack and pack: insightface records come back byte for byte', async () => {
    const photos = join(folder, 'photos');
    const again = join(folder, 'again');
    expect(
      (await runInProcess('rec', 'unpack', `${oracle}b_insightface.rec`, '--output', photos)).exitCode,
    ).toBe(0);
    const packed = await runInProcess('rec', 'pack', photos, '--output', again, '--json');
    expect(JSON.parse(packed.stdout)).toMatchObject({
      records: 29,
      images: 23,
      identities: 5,
      layout: 'insightface',
    });
    for (const [ours, theirs] of [
      ['train.rec', 'rec'],
      ['train.idx', 'idx'],
      ['property', 'property'],
    ] as const) {
      expect(readFileSync(join(again, ours))).toEqual(readFileSync(`${oracle}b_insightface.${theirs}`));
    }
  });

  test('unpack and pack through the list: labels with gaps stay', async () => {
    const photos = join(folder, 'gaps');
    const again = join(folder, 'gaps-again');
    await runInProcess('rec', 'unpack', `${oracle}b_gaps.rec`, '--output', photos);
    await runInProcess('rec', 'pack', join(photos, 'images.lst'), '--output', again);
    expect(readFileSync(join(again, 'train.rec'))).toEqual(readFileSync(`${oracle}b_gaps.rec`));
  });
});

/** What is wrong with each damaged file, and where; index faults that only follow from it are counted. */
const FAULTS: Record<string, [fault: string, offset: number, count: number]> = {
  truncated_mid_payload: ['truncated-payload', 4328, 7],
  truncated_mid_header: ['truncated-frame', 4328, 7],
  truncated_in_padding: ['truncated-padding', 884, 11],
  bad_magic: ['bad-magic', 2680, 1],
  length_past_end: ['length-past-end', 1788, 1],
  stray_cflag2: ['unexpected-part', 3500, 1],
  unfinished_cflag1: ['unfinished-record', 3500, 1],
  idx_offset_plus4: ['index-not-a-record', 1792, 2],
  idx_offset_plus1: ['index-not-a-record', 1789, 2],
  idx_past_end: ['index-past-end', 10001788, 2],
  idx_at_end: ['index-past-end', 11224, 2],
  idx_missing_line: ['index-incomplete', 1788, 1],
  idx_blank_line: ['index-syntax', 83, 1],
  idx_spaces: ['index-syntax', 0, 24],
  idx_duplicate_key: ['index-duplicate-key', 0, 2],
  multipart_second_missing: ['truncated-record', 76, 1],
  empty_file: ['empty-file', 0, 1],
  trailing_zeros: ['trailing-bytes', 11224, 1],
};

describe.skipIf(absent)('the 18 damaged files (needs ../shared)', () => {
  test.each(Object.entries(FAULTS))(
    'verify names what is wrong: %s',
    async (name, [fault, offset, count]) => {
      const { stdout, exitCode } = await runInProcess(
        'rec',
        'verify',
        `${oracle}f_corrupt/${name}.rec`,
        '--json',
      );
      const report = JSON.parse(stdout) as { faults: object[]; faultCount: number };
      expect(exitCode).toBe(1);
      expect(report.faults[0]).toMatchObject({ fault, offset });
      expect(report.faults).toHaveLength(count);
      expect(report.faultCount).toBe(count);
    },
  );

  test.each(Object.keys(FAULTS).filter((name) => name !== 'empty_file'))(
    'repair keeps what is whole: %s',
    async (name) => {
      const damaged = `${oracle}f_corrupt/${name}.rec`;
      const output = join(folder, `${name}.rec`);
      const before = JSON.parse((await runInProcess('rec', 'verify', damaged, '--json')).stdout) as {
        records: number;
        faults: { file: string; offset: number }[];
      };
      const { stdout, exitCode } = await runInProcess('rec', 'repair', damaged, '--output', output, '--json');
      const { records, lost } = JSON.parse(stdout) as { records: number; lost: { offset: number }[] };
      expect(exitCode).toBe(0);
      expect(records).toBe(before.records);
      expect(lost.map((loss) => loss.offset)).toEqual(
        before.faults.filter(({ file }) => file === 'records').map((fault) => fault.offset),
      );
      expect((await runInProcess('rec', 'verify', output)).exitCode).toBe(0);
    },
  );

  test('repair writes nothing when nothing is whole', async () => {
    const output = join(folder, 'empty.rec');
    const { exitCode, stderr } = await runInProcess(
      'rec',
      'repair',
      `${oracle}f_corrupt/empty_file.rec`,
      '--output',
      output,
    );
    expect(stderr).toMatch(/no whole record/);
    expect([exitCode, existsSync(output)]).toEqual([1, false]);
  });
});

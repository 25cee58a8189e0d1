import { describe, expect, test } from 'vitest';
import type { RecordIOErrorCode } from './errors.ts';
import { encodeImageRecord } from './image-record.ts';
import { memorySource } from './memory-source.ts';
import { openRecordDataset } from './record-dataset.ts';
import { encodeRecord } from './record-frame.ts';
import { serializeIndex } from './record-index.ts';
import { scanRecords } from './record-reader.ts';
import { repairRecords } from './record-repair.ts';
import { verifyRecords } from './record-verify.ts';
import { collect } from './testing/collect.ts';
import { collectingStream } from './testing/collecting-stream.ts';
import { oracleBytes, oracleIsAbsent, oracleJson } from './testing/oracle.ts';

/** What each damaged file of the oracle has to be called, and where. Offsets of an index's faults are in its lines. */
const FAULTS: Record<string, [fault: RecordIOErrorCode, offset: number, key?: number][]> = {
  truncated_mid_payload: [
    ['truncated-payload', 4328, 8],
    ['index-past-end', 5384, 5],
    ['index-past-end', 6400, 6],
    ['index-past-end', 7256, 11],
    ['index-past-end', 8372, 10],
    ['index-past-end', 9316, 7],
    ['index-past-end', 10240, 2],
  ],
  truncated_mid_header: [
    ['truncated-frame', 4328, 8],
    ['index-past-end', 5384, 5],
    ['index-past-end', 6400, 6],
    ['index-past-end', 7256, 11],
    ['index-past-end', 8372, 10],
    ['index-past-end', 9316, 7],
    ['index-past-end', 10240, 2],
  ],
  truncated_in_padding: [
    ['truncated-padding', 884, 4],
    ...(
      [
        [1788, 9],
        [2680, 0],
        [3500, 3],
        [4328, 8],
        [5384, 5],
        [6400, 6],
        [7256, 11],
        [8372, 10],
        [9316, 7],
        [10240, 2],
      ] as const
    ).map(([offset, key]): [RecordIOErrorCode, number, number] => ['index-past-end', offset, key]),
  ],
  bad_magic: [['bad-magic', 2680, 0]],
  length_past_end: [['length-past-end', 1788, 9]],
  stray_cflag2: [['unexpected-part', 3500, 3]],
  unfinished_cflag1: [['unfinished-record', 3500, 3]],
  idx_offset_plus4: [
    ['index-not-a-record', 1792, 9],
    ['index-incomplete', 1788],
  ],
  idx_offset_plus1: [
    ['index-not-a-record', 1789, 9],
    ['index-incomplete', 1788],
  ],
  idx_past_end: [
    ['index-past-end', 10001788, 9],
    ['index-incomplete', 1788],
  ],
  idx_at_end: [
    ['index-past-end', 11224, 9],
    ['index-incomplete', 1788],
  ],
  idx_missing_line: [['index-incomplete', 1788]],
  idx_blank_line: [['index-syntax', 83]],
  idx_spaces: [
    ...[0, 4, 10, 17, 24, 31, 38, 45, 52, 60, 68, 75].map((line): [RecordIOErrorCode, number] => [
      'index-syntax',
      line,
    ]),
    ...[0, 884, 1788, 2680, 3500, 4328, 5384, 6400, 7256, 8372, 9316, 10240].map(
      (offset): [RecordIOErrorCode, number] => ['index-incomplete', offset],
    ),
  ],
  idx_duplicate_key: [
    ['index-duplicate-key', 0, 1],
    ['index-incomplete', 0],
  ],
  multipart_second_missing: [['truncated-record', 76, 3]],
  empty_file: [['empty-file', 0]],
  trailing_zeros: [['trailing-bytes', 11224]],
};

describe.skipIf(oracleIsAbsent)('the 18 damaged files of the oracle (needs ../shared)', () => {
  const names = oracleIsAbsent
    ? []
    : oracleJson<{ cases: { name: string }[] }>('recordio/f_corrupt.json').cases.map(({ name }) => name);

  test('are all here', () => {
    expect(names.toSorted()).toEqual(Object.keys(FAULTS).sort());
  });

  test.each(names)('%s', async (name) => {
    const records = memorySource(oracleBytes(`recordio/f_corrupt/${name}.rec`));
    const index = memorySource(oracleBytes(`recordio/f_corrupt/${name}.idx`));
    const { faults } = await verifyRecords({ records, index });
    expect(
      faults.map(({ fault, offset, key }) => (key === undefined ? [fault, offset] : [fault, offset, key])),
    ).toEqual(FAULTS[name]);
  });

  test.each(names)('%s: everything whole is kept by repair', async (name) => {
    const bytes = oracleBytes(`recordio/f_corrupt/${name}.rec`);
    const records = memorySource(bytes);
    const index = memorySource(oracleBytes(`recordio/f_corrupt/${name}.idx`));
    const before = await verifyRecords({ records, index });
    const output = collectingStream();
    const report = await repairRecords({ records, index, output: output.stream });
    expect(report.records).toBe(before.records);
    expect(report.lost.map(({ offset }) => offset)).toEqual(
      before.faults
        .filter(({ file, fault }) => file === 'records' && fault !== 'empty-file')
        .map(({ offset }) => offset),
    );
    const repaired = {
      records: memorySource(output.bytes()),
      index: memorySource(serializeIndex(report.index)),
    };
    const after = await verifyRecords(repaired);
    expect(after.faults.map(({ fault }) => fault)).toEqual(name === 'empty_file' ? ['empty-file'] : []);
    const kept = await collect(scanRecords(repaired.records));
    for (const { payload } of kept) {
      expect(Buffer.from(bytes).includes(Buffer.from(encodeRecord(payload)))).toBe(true);
    }
  });

  test.each(['truncated_mid_payload', 'bad_magic', 'length_past_end', 'stray_cflag2', 'trailing_zeros'])(
    '%s: a scan hands out what comes before the fault, then throws it',
    async (name) => {
      const [fault, offset] = FAULTS[name]![0]!;
      const scanned: number[] = [];
      const scan = async (): Promise<void> => {
        for await (const record of scanRecords(memorySource(oracleBytes(`recordio/f_corrupt/${name}.rec`)))) {
          scanned.push(record.end);
        }
      };
      const code =
        fault === 'length-past-end' ? 'truncated-payload' : fault === 'trailing-bytes' ? 'bad-magic' : fault;
      await expect(scan()).rejects.toMatchObject({ code, offset });
      expect(scanned.at(-1)).toBe(offset);
    },
  );

  test.each(names)('%s: opens as a dataset only if records and index agree', async (name) => {
    const opening = openRecordDataset({
      records: memorySource(oracleBytes(`recordio/f_corrupt/${name}.rec`)),
      index: memorySource(oracleBytes(`recordio/f_corrupt/${name}.idx`)),
    });
    const code: Record<string, RecordIOErrorCode | number> = {
      bad_magic: 'index-not-a-record',
      length_past_end: 'truncated-payload',
      stray_cflag2: 'index-not-a-record',
      truncated_mid_payload: 'truncated-payload',
      truncated_mid_header: 'index-past-end',
      truncated_in_padding: 'truncated-padding',
      idx_blank_line: 'index-syntax',
      idx_spaces: 'index-syntax',
      idx_duplicate_key: 'index-duplicate-key',
      idx_past_end: 'index-past-end',
      idx_at_end: 'index-past-end',
      idx_offset_plus4: 'index-not-a-record',
      idx_offset_plus1: 'index-not-a-record',
      unfinished_cflag1: 'unfinished-record',
      empty_file: 'empty-dataset',
      multipart_second_missing: 'bad-image-header',
      // The records that the index does have are good ones, and zeros after them do no harm.
      idx_missing_line: 11,
      trailing_zeros: 12,
    };
    const expected = code[name];
    if (typeof expected === 'number') {
      expect((await opening).length).toBe(expected);
    } else {
      await expect(opening).rejects.toMatchObject({ name: 'RecordIOError', code: expected });
    }
  });
});

describe('damage', () => {
  const payloads = Array.from({ length: 20 }, (_, i) =>
    encodeImageRecord({ label: i, id: i, content: new Uint8Array(10 * i + 1).fill(i) }),
  );
  const frames = payloads.map(encodeRecord);
  const starts = frames.map((_, i) => frames.slice(0, i).reduce((sum, frame) => sum + frame.length, 0));

  test('a length that swallows the next records is blamed itself, and they are found', async () => {
    const bytes = new Uint8Array(Buffer.concat(frames));
    // Record 5 says it ends 4 bytes into record 8.
    new DataView(bytes.buffer).setUint32(starts[5]! + 4, starts[8]! + 4 - starts[5]! - 8, true);
    const report = await verifyRecords({ records: memorySource(bytes) });
    expect(report.faults).toMatchObject([{ fault: 'bad-length', offset: starts[5] }]);
    expect(report.records).toBe(19);
  });

  test('keys that the index lost come from the ids', async () => {
    const bytes = new Uint8Array(Buffer.concat(frames));
    bytes[starts[3]!] = 0;
    const index = memorySource(new TextEncoder().encode(`7\t${starts[7]}\n100\t${starts[8]}\nrubbish\n`));
    const output = collectingStream();
    const report = await repairRecords({ records: memorySource(bytes), index, output: output.stream });
    expect([...report.index.keys]).toEqual([
      0, 1, 2, 4, 5, 6, 7, 100, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
    ]);
    expect(report.lost).toMatchObject([{ offset: starts[3], end: starts[4], fault: 'bad-magic' }]);
  });

  test('image headers are checked when asked for', async () => {
    const records = memorySource(
      new Uint8Array(Buffer.concat([frames[0]!, encodeRecord(new Uint8Array(5))])),
    );
    expect((await verifyRecords({ records })).faults).toEqual([]);
    expect((await verifyRecords({ records, imageRecords: true })).faults).toMatchObject([
      { fault: 'bad-image-header', offset: frames[0]!.length },
    ]);
  });

  test('more faults than are listed are counted', async () => {
    const bytes = new Uint8Array(Buffer.concat(frames));
    for (const start of starts) {
      bytes[start + 7] = 0xe0;
    }
    const report = await verifyRecords({ records: memorySource(bytes), maxFaults: 1 });
    expect(report).toMatchObject({
      records: 0,
      faultCount: 1,
      faults: [{ fault: 'bad-part-flag', offset: 0 }],
    });
  });
});

import { describe, expect, test } from 'vitest';
import { parseImageRecord } from './image-record.ts';
import { memorySource } from './memory-source.ts';
import { encodeRecord } from './record-frame.ts';
import { keyLookup, parseIndex, serializeIndex } from './record-index.ts';
import { readRecord, scanRecords } from './record-reader.ts';
import { scanRecordOffsets } from './record-table.ts';
import { collect } from './testing/collect.ts';
import { oracleBytes, oracleIsAbsent, oracleJson, sha256 } from './testing/oracle.ts';

interface Manifest {
  sha256: string;
  key_order_in_idx: number[];
  records: {
    key: number;
    offset: number;
    end: number;
    length: number;
    sha256: string;
    header?: { flag: number; label: number | number[]; id: number; id2: number; header_label_field: number };
    content_length?: number;
    content_sha256?: string;
  }[];
}

const FILES = [
  'a_im2rec',
  'a_passthrough',
  'b_insightface',
  'b_gaps',
  'c_seq',
  'c_seq_unsorted',
  'd_magic',
  'e_multilabel',
  'e_arrays',
];

describe.skipIf(oracleIsAbsent)('records written by MXNet (needs ../shared)', () => {
  test.each(FILES)('%s reads as its manifest says', async (name) => {
    const manifest = oracleJson<Manifest>(`recordio/${name}.json`);
    const bytes = oracleBytes(`recordio/${name}.rec`);
    const source = memorySource(bytes);
    const index = parseIndex(oracleBytes(`recordio/${name}.idx`));
    expect([...index.keys]).toEqual(manifest.key_order_in_idx);
    const lookup = keyLookup(index.keys);
    for (const expected of manifest.records) {
      expect(index.offsets[lookup.row(expected.key)]).toBe(expected.offset);
      const record = await readRecord(source, expected.offset, { expectedBytes: 8 });
      expect(record.end).toBe(expected.end);
      expect(record.payload.length).toBe(expected.length);
      expect(sha256(record.payload)).toBe(expected.sha256);
      if (expected.header !== undefined) {
        const { flag, labels, content } = parseImageRecord(record.payload);
        expect(flag).toBe(expected.header.flag);
        expect(labels).toEqual([expected.header.label].flat());
        expect(content.length).toBe(expected.content_length);
        expect(sha256(content)).toBe(expected.content_sha256);
      }
    }
  });

  test.each(FILES)('%s scans front to back in blocks of any size', async (name) => {
    const manifest = oracleJson<Manifest>(`recordio/${name}.json`);
    const source = memorySource(oracleBytes(`recordio/${name}.rec`));
    const offsets = manifest.records.map(({ offset }) => offset);
    for (const blockBytes of [1, 50, 4096, 1 << 20]) {
      const records = await collect(scanRecords(source, { blockBytes }));
      expect(records.map(({ offset }) => offset)).toEqual(offsets);
      expect(records.map(({ payload }) => sha256(payload))).toEqual(
        manifest.records.map((record) => record.sha256),
      );
    }
    expect([...(await scanRecordOffsets(source))]).toEqual(offsets);
  });

  test.each(FILES)('%s is written again byte for byte', async (name) => {
    const manifest = oracleJson<Manifest>(`recordio/${name}.json`);
    const source = memorySource(oracleBytes(`recordio/${name}.rec`));
    const frames: Uint8Array[] = [];
    for await (const { payload } of scanRecords(source)) {
      frames.push(encodeRecord(payload));
    }
    expect(sha256(Buffer.concat(frames))).toBe(manifest.sha256);
    const idx = oracleBytes(`recordio/${name}.idx`);
    expect(serializeIndex(parseIndex(idx))).toEqual(idx);
  });

  test('64-bit ids are exact', async () => {
    const source = memorySource(oracleBytes('recordio/e_arrays.rec'));
    const records = await collect(scanRecords(source));
    const headers = records.map(({ payload }) => parseImageRecord(payload));
    expect(headers.map(({ id }) => id)).toEqual([1n, 1099511627781n, 7n, 8n, 9n, 2n ** 64n - 1n, 11n, 12n]);
    expect(headers.map(({ id2 }) => id2)).toEqual([
      0n,
      3n,
      9223372036854775809n,
      0n,
      0n,
      2n ** 64n - 1n,
      0n,
      0n,
    ]);
    expect(headers[7]!.labels).toEqual([-0]);
  });
});

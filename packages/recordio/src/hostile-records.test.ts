/** Files that are made to be read again and again: what is read and followed stays linear in their size. */
import { describe, expect, test } from 'vitest';
import type { ByteSource } from './byte-source.ts';
import { encodeImageRecord } from './image-record.ts';
import { memorySource } from './memory-source.ts';
import { openRecordDataset } from './record-dataset.ts';
import { encodeRecord, FIRST_PART, LAST_PART, MIDDLE_PART, RECORD_MAGIC, WHOLE } from './record-frame.ts';
import { serializeIndex } from './record-index.ts';
import { repairRecords } from './record-repair.ts';
import { scanRecordTable } from './record-table.ts';
import { verifyRecords } from './record-verify.ts';
import { collectingStream } from './testing/collecting-stream.ts';

/** A file to put frames into; counts what is read of it. */
class HostileFile implements ByteSource {
  readonly byteLength: number;
  readonly words: Uint32Array;
  bytesRead = 0;
  readonly #source: ByteSource;

  constructor(byteLength: number) {
    this.byteLength = byteLength;
    this.words = new Uint32Array(byteLength / 4);
    this.#source = memorySource(new Uint8Array(this.words.buffer));
  }

  frame(offset: number, flag: number, length: number): void {
    this.words.set([RECORD_MAGIC, ((flag << 29) | length) >>> 0], offset / 4);
  }

  read(start: number, end: number): Promise<Uint8Array> {
    this.bytesRead += end - start;
    return this.#source.read(start, end);
  }
}

describe('records within records, each with an end where none follows', () => {
  const MIB = 1 << 20;
  test.each([
    ['one end for all', () => 8 * MIB],
    ['an end of its own for each', (i: number) => 8 * MIB + 8 * i],
    ['ends far from each other', (i: number) => (i % 2 === 0 ? 8 * MIB : 12 * MIB) + 8 * i],
  ])('%s: the file is read a few times, not once for each', async (_, endOf) => {
    const file = new HostileFile(16 * MIB);
    const records = 2000;
    for (let i = 0; i < records; i++) file.frame(8 * i, WHOLE, endOf(i) - 8 * i - 8);
    const report = await verifyRecords({ records: file });
    // Nothing is left of them but the innermost, which has no other within it.
    expect(report).toMatchObject({ records: 1, faultCount: records });
    expect(file.bytesRead).toBeLessThan(8 * file.byteLength);
  });
});

describe('first parts that all lead to the same middle parts', () => {
  const heads = 4000;
  const middles = 500_000;
  /** Bytes from one first part to the next: its frame, and zeros for an image header. */
  const stride = 32;
  const chain = (end: 'last' | 'none') => {
    const file = new HostileFile(stride * heads + 8 * (middles + 1));
    for (let i = 0; i < heads; i++) file.frame(stride * i, FIRST_PART, stride * (heads - i) - 8);
    for (let i = 0; i < middles; i++) file.frame(stride * heads + 8 * i, MIDDLE_PART, 0);
    file.frame(file.byteLength - 8, end === 'last' ? LAST_PART : WHOLE, 0);
    return file;
  };

  test('without a last one: the chain is followed once, each first part is a fault', async () => {
    const file = chain('none');
    const { records, faultCount, faults } = await verifyRecords({ records: file });
    expect([records, faultCount]).toEqual([1, heads]);
    expect(new Set(faults.map(({ fault }) => fault))).toEqual(new Set(['unfinished-record']));
    const output = collectingStream();
    expect(await repairRecords({ records: file, output: output.stream })).toMatchObject({ records: 1 });
    expect(output.bytes()).toEqual(encodeRecord(new Uint8Array(0)));
  });

  test('with a last one: an index that has them all is refused', async () => {
    const offsets = Float64Array.from({ length: heads }, (_, i) => stride * i);
    await expect(scanRecordTable(chain('last'), { offsets })).rejects.toMatchObject({
      code: 'index-not-a-record',
      offset: stride,
    });
  });
});

test('a record in parts that has many keys is read once', async () => {
  const content = new Uint8Array(1 << 16);
  content.set(new Uint8Array(Uint32Array.of(RECORD_MAGIC).buffer), 1000);
  const bytes = encodeRecord(encodeImageRecord({ label: 3, id: 1, content }));
  const file = new HostileFile(bytes.length);
  new Uint8Array(file.words.buffer).set(bytes);
  const keys = Float64Array.from({ length: 1000 }, (_, i) => i);
  const index = memorySource(serializeIndex({ keys, offsets: new Float64Array(keys.length) }));
  const dataset = await openRecordDataset({ records: file, index });
  expect(dataset.length).toBe(1000);
  expect(new Set(dataset.labels)).toEqual(new Set([3]));
  expect(file.bytesRead).toBeLessThan(4 * bytes.length);
  expect(Buffer.from((await dataset.read(999)).bytes).equals(content)).toBe(true);
});

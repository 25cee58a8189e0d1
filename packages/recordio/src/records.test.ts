import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteSource } from './byte-source.ts';
import { encodeImageRecord, parseImageRecord } from './image-record.ts';
import { checkRange, memorySource } from './memory-source.ts';
import { shuffledPositions } from './random-order.ts';
import { copyRecords } from './record-copy.ts';
import { encodeRecord, RECORD_MAGIC, readUint32 } from './record-frame.ts';
import { parseIndex, serializeIndex } from './record-index.ts';
import { readRecord, scanRecords } from './record-reader.ts';
import { scanRecordOffsets, scanRecordTable } from './record-table.ts';
import { verifyRecords } from './record-verify.ts';
import { RecordWriter } from './record-writer.ts';
import { collect } from './testing/collect.ts';
import { collectingStream } from './testing/collecting-stream.ts';
import { writeRecords } from './testing/record-writing.ts';

const magic = new Uint8Array(Uint32Array.of(RECORD_MAGIC).buffer);

/** Payloads that have the magic word at multiples of 4 and elsewhere, cut off magic words, and lengths around 4. */
const payloads = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: fc.uint8Array({ maxLength: 9 }) },
      { weight: 2, arbitrary: fc.constant(magic) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(magic.subarray(0, 3), magic.subarray(1), magic.subarray(0, 1)),
      },
    ),
    { maxLength: 12 },
  )
  .map((pieces) => new Uint8Array(Buffer.concat(pieces)));

/** A source that reads into memory that it is given, as files do. */
function intoSource(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.length,
    async read(start, end, options) {
      const target = options?.into?.subarray(0, end - start) ?? new Uint8Array(end - start);
      target.set(bytes.subarray(start, end));
      return target;
    },
  };
}

describe('any list of payloads', () => {
  test('comes back, whatever the chunks it is written in and the blocks it is read in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(payloads, { maxLength: 20 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 200 }),
        async (list, chunkBytes, blockBytes) => {
          const { bytes, offsets } = await writeRecords(list, chunkBytes);
          expect(Buffer.concat(list.map(encodeRecord)).equals(bytes)).toBe(true);
          const source = memorySource(bytes);
          const scanned = await collect(scanRecords(source, { blockBytes }));
          const passing: number[][] = [];
          const held: Uint8Array[] = [];
          for await (const { payload } of scanRecords(intoSource(bytes), { blockBytes })) {
            passing.push([...payload]);
            held.push(payload);
          }
          expect(passing).toEqual(list.map((payload) => [...payload]));
          // Memory that is used again never shows another record's bytes to whoever holds on to a payload.
          expect(
            held.every(
              ({ length }, i) => length === 0 || held[i]!.every((byte, at) => byte === list[i]![at]),
            ),
          ).toBe(true);
          const kept = await collect(scanRecords(intoSource(bytes), { blockBytes, keepPayloads: true }));
          expect(kept.map(({ payload }) => [...payload])).toEqual(passing);
          expect(scanned.map(({ payload }) => [...payload])).toEqual(list.map((payload) => [...payload]));
          expect(scanned.map(({ offset }) => offset)).toEqual(offsets);
          expect([...(await scanRecordOffsets(source))]).toEqual(offsets);
          for (const [i, offset] of offsets.entries()) {
            const { payload } = await readRecord(source, offset, { expectedBytes: blockBytes });
            expect([...payload]).toEqual([...list[i]!]);
          }
          expect((await verifyRecords({ records: source })).faults.map(({ fault }) => fault)).toEqual(
            list.length === 0 ? ['empty-file'] : [],
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  test('has the magic word at a multiple of 4 only where frames start', () => {
    fc.assert(
      fc.property(payloads, fc.nat(3), (payload, shift) => {
        const shifted = new Uint8Array(payload.length + shift).subarray(shift);
        shifted.set(payload);
        const bytes = encodeRecord(shifted);
        expect(bytes.length % 4).toBe(0);
        let frame = 0;
        for (let at = 0; at < bytes.length; at += 4) {
          expect(readUint32(bytes, at) === RECORD_MAGIC).toBe(at === frame);
          if (at === frame) {
            frame += 8 + (((readUint32(bytes, at + 4) & 0x1fffffff) + 3) & ~3);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('any record that is cut short anywhere is an error', async () => {
    await fc.assert(
      fc.asyncProperty(payloads, fc.nat(), async (payload, cut) => {
        const bytes = encodeRecord(payload);
        const source = memorySource(bytes.subarray(0, cut % bytes.length));
        await expect(readRecord(source, 0)).rejects.toMatchObject({
          name: 'RecordIOError',
          code: expect.stringContaining('truncated'),
        });
      }),
    );
  });
});

describe('image records', () => {
  test('any header comes back', () => {
    const labels = fc.oneof(fc.float(), fc.array(fc.float(), { maxLength: 8 }));
    const id = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    fc.assert(
      fc.property(labels, id, id, fc.uint8Array(), (label, id1, id2, content) => {
        const record = parseImageRecord(encodeImageRecord({ label, id: id1, id2, content }));
        const list = typeof label === 'number' ? [label] : label.length === 0 ? [0] : label;
        expect(record).toEqual({
          flag: typeof label === 'number' ? 0 : label.length,
          labels: list,
          id: id1,
          id2,
          content,
        });
      }),
    );
  });

  test.each([-1, 0.5, 2 ** 53, 2n ** 64n, -1n])('id %s is refused', (id) => {
    expect(() => encodeImageRecord({ label: 0, id })).toThrow(expect.objectContaining({ code: 'bad-id' }));
  });

  test('a payload that is too short for its header or labels', () => {
    const payload = encodeImageRecord({ label: [1, 2, 3] });
    for (let length = 0; length < payload.length; length++) {
      expect(() => parseImageRecord(payload.subarray(0, length), { offset: 8 })).toThrow(
        expect.objectContaining({ code: 'bad-image-header', offset: 8 }),
      );
    }
  });

  test('their headers are found without the images, also across magic words', async () => {
    // An id that has the magic word in it cuts the header in two.
    const id = BigInt(RECORD_MAGIC);
    const { bytes, offsets } = await writeRecords([
      encodeImageRecord({ label: 3, id: 1, content: new Uint8Array(500_000) }),
      encodeImageRecord({ label: 4, id, content: new Uint8Array(10) }),
      encodeImageRecord({ label: [5, 6, 7], id: 2 ** 40, content: magic }),
      encodeImageRecord({ label: [8, 9] }),
    ]);
    const table = await scanRecordTable(memorySource(bytes));
    expect([...table.offsets]).toEqual(offsets);
    expect([...table.labels]).toEqual([3, 4, 5, 8]);
    expect([...table.secondLabels]).toEqual([0, 0, 6, 9]);
    expect([...table.flags]).toEqual([0, 0, 3, 2]);
    expect([...table.ids]).toEqual([1n, id, 2n ** 40n, 0n]);
    expect([...table.contentLengths]).toEqual([500_000, 10, 4, 0]);
    expect([...table.spans]).toEqual([...offsets, bytes.length].slice(1).map((end, i) => end - offsets[i]!));
  });
});

describe('an index', () => {
  test('comes back', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.maxSafeNat()), fc.infiniteStream(fc.maxSafeNat()), (keys, stream) => {
        const offsets = Float64Array.from(keys, () => stream.next().value!);
        const index = { length: keys.length, keys: Float64Array.from(keys), offsets };
        expect(parseIndex(serializeIndex(index))).toEqual(index);
      }),
    );
  });

  test.each([
    '1',
    '1\t',
    '\t1',
    '1\t2\t3',
    '1 2',
    '-1\t2',
    '1\t2 ',
    '9007199254740993\t0',
    '1.5\t0',
    '1\t0\r',
    '\n1\t2',
  ])('line %j is refused', (line) => {
    expect(() => parseIndex(new TextEncoder().encode(line))).toThrow(
      expect.objectContaining({ code: 'index-syntax', offset: 0 }),
    );
  });
});

/** A source of records of which only a few bytes are ever made: 500 MB each, and 12 of them. */
function hugeSource(): { source: ByteSource; starts: number[]; bytesRead: () => number } {
  const size = 500_000_000;
  const starts = Array.from({ length: 12 }, (_, i) => i * (size + 8));
  const byteLength = starts.length * (size + 8);
  let read = 0;
  const headers = starts.map((_, i) => {
    const header = new Uint8Array(32);
    new DataView(header.buffer).setUint32(0, RECORD_MAGIC, true);
    new DataView(header.buffer).setUint32(4, size, true);
    header.set(encodeImageRecord({ label: i, id: 2n ** 33n + BigInt(i) }), 8);
    return header;
  });
  const source: ByteSource = {
    byteLength,
    async read(start, end) {
      checkRange(byteLength, start, end);
      read += end - start;
      const bytes = new Uint8Array(end - start);
      starts.forEach((at, i) => {
        for (let byte = Math.max(at, start); byte < Math.min(at + 32, end); byte++) {
          bytes[byte - start] = headers[i]![byte - at]!;
        }
      });
      return bytes;
    },
  };
  return { source, starts, bytesRead: () => read };
}

describe('past 4 GiB', () => {
  test('records are found, by skipping over payloads', async () => {
    const { source, starts, bytesRead } = hugeSource();
    expect(source.byteLength).toBeGreaterThan(2 ** 32);
    const table = await scanRecordTable(source);
    expect([...table.offsets]).toEqual(starts);
    expect([...table.labels]).toEqual(starts.map((_, i) => i));
    expect(table.ids[11]).toBe(2n ** 33n + 11n);
    expect(bytesRead()).toBeLessThan(20_000_000);
  });

  test('an index has the offsets', async () => {
    const { source, starts } = hugeSource();
    const lines = starts.map((start, key) => `${key}\t${start}\n`).join('');
    const index = parseIndex(new TextEncoder().encode(lines));
    expect([...index.offsets]).toEqual(starts);
    expect((await scanRecordTable(source, { offsets: index.offsets })).length).toBe(12);
  });

  test('a record is read at its offset', async () => {
    const before = 2 ** 33;
    const record = encodeRecord(Uint8Array.of(1, 2, 3));
    const source: ByteSource = {
      byteLength: before + record.length,
      async read(start, end) {
        checkRange(before + record.length, start, end);
        return record.slice(start - before, end - before);
      },
    };
    const { payload, offset, end } = await readRecord(source, before);
    expect([...payload]).toEqual([1, 2, 3]);
    expect([offset, end]).toEqual([before, before + 12]);
    expect((await collect(scanRecords(source, { start: before }))).map((found) => found.offset)).toEqual([
      before,
    ]);
  });
});

describe('a length that lies', () => {
  test('is found out before anything of that length is read or made', async () => {
    const frame = new Uint8Array(20);
    new DataView(frame.buffer).setUint32(0, RECORD_MAGIC, true);
    new DataView(frame.buffer).setUint32(4, 2 ** 29 - 1, true);
    let largest = 0;
    const source: ByteSource = {
      byteLength: frame.length,
      async read(start, end) {
        largest = Math.max(largest, end - start);
        return frame.subarray(start, end);
      },
    };
    await expect(readRecord(source, 0)).rejects.toMatchObject({ code: 'truncated-payload' });
    await expect(collect(scanRecords(source))).rejects.toMatchObject({ code: 'truncated-payload' });
    await expect(scanRecordTable(source)).rejects.toMatchObject({ code: 'truncated-payload' });
    await verifyRecords({ records: source });
    expect(largest).toBe(frame.length);
  });

  test('a record of a million parts takes linear time', async () => {
    const parts = 1_000_000;
    const bytes = new Uint8Array(8 * parts);
    const words = new DataView(bytes.buffer);
    for (let part = 0; part < parts; part++) {
      words.setUint32(8 * part, RECORD_MAGIC, true);
      words.setUint32(8 * part + 4, (part === 0 ? 1 : part === parts - 1 ? 3 : 2) * 2 ** 29, true);
    }
    let read = 0;
    const source: ByteSource = {
      byteLength: bytes.length,
      async read(start, end) {
        read += end - start;
        return bytes.subarray(start, end);
      },
    };
    const [record] = await collect(scanRecords(source, { blockBytes: 4096 }));
    expect(record!.payload.length).toBe(4 * (parts - 1));
    expect(read).toBeLessThan(4 * bytes.length);
  });
});

describe('copying', () => {
  test('puts records of several files in any order', async () => {
    const list = Array.from({ length: 30 }, (_, i) =>
      encodeImageRecord({ label: [i, 1], id: i, content: magic }),
    );
    const { bytes, offsets } = await writeRecords(list);
    const order = shuffledPositions(30, 5);
    const { stream, bytes: written } = collectingStream();
    const writer = new RecordWriter(stream);
    const records = memorySource(bytes);
    const shuffled = await copyRecords({
      records,
      offsets: Array.from(order, (row) => offsets[row]!),
      writer,
    });
    const merged = await copyRecords({ records, offsets: [offsets[3]!], writer });
    await writer.close();
    const result = await collect(scanRecords(memorySource(written())));
    expect(result.map(({ payload }) => payload)).toEqual([...order, 3].map((row) => list[row]));
    expect([...shuffled, ...merged]).toEqual(result.map(({ offset }) => offset));
    await expect(copyRecords({ records, offsets: [4, 0], writer })).rejects.toMatchObject({
      code: 'bad-magic',
    });
  });
});

describe('writing', () => {
  test('waits for a slow sink', async () => {
    let pending = 0;
    let most = 0;
    const stream = new WritableStream<Uint8Array>({
      async write(chunk) {
        await new Promise((resolve) => setTimeout(resolve, 1));
        pending -= chunk.length;
      },
    });
    const writer = new RecordWriter(stream, { chunkBytes: 1000 });
    for (let i = 0; i < 200; i++) {
      pending += 108;
      await writer.write(new Uint8Array(100));
      most = Math.max(most, pending);
    }
    await writer.close();
    expect(pending).toBe(0);
    expect(most).toBeLessThan(5000);
  });

  test('passes on what the sink throws, at the next write or the end', async () => {
    const failing = (): WritableStream<Uint8Array> =>
      new WritableStream({
        write() {
          throw new Error('disk full');
        },
      });
    const writer = new RecordWriter(failing(), { chunkBytes: 10 });
    const writeMuch = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) {
        await writer.write(new Uint8Array(20));
      }
    };
    await expect(writeMuch()).rejects.toThrow('disk full');
    const short = new RecordWriter(failing());
    short.write(new Uint8Array(20));
    await expect(short.close()).rejects.toThrow('disk full');
  });
});

test('records that are asked for all at once come once each, in order', async () => {
  const list = Array.from({ length: 30 }, (_, i) => new Uint8Array(10 + i).fill(i));
  const { bytes, offsets } = await writeRecords(list);
  const records = scanRecords(memorySource(bytes), { blockBytes: 100 });
  const results = await Promise.all(Array.from({ length: 32 }, () => records.next()));
  expect(results.map(({ done, value }) => (done ? -1 : value!.offset))).toEqual([...offsets, -1, -1]);
});

test('a scan that is left early or aborted stops reading', async () => {
  const { bytes } = await writeRecords(Array.from({ length: 100 }, () => new Uint8Array(100)));
  let reads = 0;
  const source: ByteSource = {
    byteLength: bytes.length,
    async read(start, end, options) {
      options?.signal?.throwIfAborted();
      reads++;
      return bytes.subarray(start, end);
    },
  };
  for await (const _ of scanRecords(source, { blockBytes: 300 })) {
    break;
  }
  expect(reads).toBeLessThanOrEqual(2);
  const controller = new AbortController();
  const scan = async (): Promise<void> => {
    for await (const { offset } of scanRecords(source, { blockBytes: 300, signal: controller.signal })) {
      if (offset > 3000) {
        controller.abort('enough');
      }
    }
  };
  await expect(scan()).rejects.toBe('enough');
});

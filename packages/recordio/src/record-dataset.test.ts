import { describe, expect, test } from 'vitest';
import type { RecordIOErrorCode } from './errors.ts';
import { writeFaceRecords } from './face-record-writer.ts';
import { encodeImageRecord, type ImageRecordInit } from './image-record.ts';
import { memorySource } from './memory-source.ts';
import { openRecordDataset, type RecordLayout } from './record-dataset.ts';
import { serializeIndex } from './record-index.ts';
import { writeRecords } from './testing/record-writing.ts';

const content = Uint8Array.of(0xff, 0xd8, 1, 2, 3);
const images = (...labels: number[]): ImageRecordInit[] =>
  labels.map((label, i) => ({ label, id: i + 1, content }));
const range = (id: number, first: number, end: number): ImageRecordInit => ({ label: [first, end], id });

async function open(
  records: readonly ImageRecordInit[],
  options: { layout?: RecordLayout; index?: boolean } = {},
) {
  const { bytes, offsets } = await writeRecords(records.map(encodeImageRecord));
  const keys = records.map(({ id }) => Number(id ?? 0));
  const index = serializeIndex({ keys: Float64Array.from(keys), offsets: Float64Array.from(offsets) });
  return openRecordDataset({
    records: memorySource(bytes),
    index: options.index === false ? undefined : memorySource(index),
    layout: options.layout,
  });
}

describe('the InsightFace layout', () => {
  test('with the header record first, an identity without images, and one label for two identities', async () => {
    const dataset = await open([
      range(0, 4, 8),
      ...images(7, 7, 9),
      range(4, 1, 2),
      range(5, 2, 2),
      range(6, 2, 3),
      range(7, 3, 4),
    ]);
    expect(dataset.layout).toBe('insightface');
    expect(dataset.identities.map(({ label, images: own }) => [label, ...own])).toEqual([
      [7, 0],
      [1],
      [7, 1],
      [9, 2],
    ]);
    expect(dataset.offset(0)).toBe(40);
    expect(() => dataset.key(3)).toThrow(RangeError);
    await expect(dataset.read(-1)).rejects.toThrow(RangeError);
  });

  test('an identity without images has a label and a name that nobody else has', async () => {
    const { bytes } = await writeRecords(
      [
        ...images(1, 1, 5),
        // Two identities of label 1 and 5, and between and behind them two without images.
        range(4, 1, 3),
        range(5, 3, 3),
        range(6, 3, 4),
        range(7, 4, 4),
        range(0, 4, 8),
      ].map(encodeImageRecord),
    );
    const names = new Map([
      [1, 'Ada'],
      [5, 'Grace'],
    ]);
    const dataset = await openRecordDataset({ records: memorySource(bytes), identityNames: names });
    expect(dataset.identities.map(({ label, name, images: own }) => [label, name, own.length])).toEqual([
      [1, 'Ada', 2],
      [6, undefined, 0],
      [5, 'Grace', 1],
      [3, undefined, 0],
    ]);
  });

  test.each<[string, RecordIOErrorCode, number, ImageRecordInit[]]>([
    ['an image that is not there', 'missing-record', 2, [...images(1), range(3, 1, 3), range(0, 3, 4)]],
    [
      'an identity record that is not there',
      'missing-record',
      3,
      [...images(1), range(2, 1, 2), range(0, 2, 4)],
    ],
    [
      'an identity that reaches past the images',
      'bad-identity-range',
      2,
      [...images(1), range(2, 1, 3), range(0, 2, 3)],
    ],
    [
      'an identity range that runs backwards',
      'bad-identity-range',
      2,
      [...images(1), range(2, 2, 1), range(0, 2, 3)],
    ],
    [
      'identities that share an image',
      'bad-identity-range',
      4,
      [...images(1, 1), range(3, 1, 3), range(4, 2, 3), range(0, 3, 5)],
    ],
    ['an identity of two labels', 'bad-identity-range', 3, [...images(1, 2), range(3, 1, 3), range(0, 3, 4)]],
    ['an image of no identity', 'bad-identity-range', 0, [...images(1, 2), range(3, 1, 2), range(0, 3, 4)]],
    ['an image in place of an identity record', 'bad-identity-range', 2, [...images(1, 1), range(0, 2, 3)]],
    ['a fractional range', 'bad-identity-range', 0, [...images(1), range(2, 1, 2), range(0, 1.5, 3)]],
    [
      'a range that is not a number',
      'bad-identity-range',
      0,
      [...images(1), range(2, 1, 2), range(0, Number.NaN, 3)],
    ],
  ])('%s is an error; the flat layout opens it all the same', async (_, code, key, records) => {
    await expect(open(records)).rejects.toMatchObject({ name: 'RecordIOError', code, key });
    const flat = await open(records, { layout: 'flat' });
    expect(flat.length).toBe(records.filter((record) => record.content !== undefined).length);
  });

  test('must have a header record if it is asked for', async () => {
    for (const records of [images(1, 2), [{ label: 3, content }]]) {
      await expect(open(records, { layout: 'insightface' })).rejects.toMatchObject({
        code: 'missing-header-record',
      });
    }
  });

  test('a header that promises sixteen million images makes nothing of that size', async () => {
    const opening = open([...images(1), range(0, 2 ** 24, 2 ** 24)]);
    await expect(opening).rejects.toMatchObject({ code: 'missing-record', key: 2 });
  });

  test('with keys that a header record has to round is gone by for no identity: labels are the own ones', async () => {
    // As of Glint360K, whose identities have keys from 17091658 on.
    const records = [range(0, 17_091_658, 17_452_027), ...images(4, 9), range(17_091_658, 1, 2)];
    const dataset = await open(records);
    expect([dataset.layout, [...dataset.labels]]).toEqual(['flat', [4, 9]]);
    await expect(open(records, { layout: 'insightface' })).rejects.toMatchObject({
      code: 'bad-identity-range',
      key: 0,
    });
  });
});

describe('the flat layout', () => {
  test('without an index, ids that are no keys give way to places in the file', async () => {
    const dataset = await open(
      [
        { label: 1, id: 5, content },
        { label: 1, id: 5, content },
        { label: 0, id: 2n ** 60n, content },
      ],
      {
        index: false,
      },
    );
    expect([0, 1, 2].map((position) => dataset.key(position))).toEqual([0, 1, 2]);
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31])(
    'label %s is refused by key and offset',
    async (label) => {
      await expect(
        open([
          { label: 0, content },
          { label, id: 8, content },
        ]),
      ).rejects.toMatchObject({
        code: 'bad-label',
        key: 8,
        offset: 40,
      });
    },
  );

  test('a header that announces more labels than there are bytes is refused', async () => {
    const payload = encodeImageRecord({ label: 0, content });
    payload[0] = 10;
    const { bytes } = await writeRecords([payload]);
    const opening = openRecordDataset({ records: memorySource(bytes) });
    await expect(opening).rejects.toMatchObject({ code: 'bad-image-header', offset: 0 });
  });

  test('records without an image are no images', async () => {
    await expect(open([range(0, 1, 1)], { layout: 'flat' })).rejects.toMatchObject({ code: 'empty-dataset' });
  });
});

test('a sink that fails is an error of the writing, and the other one is aborted', async () => {
  let aborted: unknown;
  const index = new WritableStream<Uint8Array>({
    abort(reason) {
      aborted = reason;
    },
  });
  const records = new WritableStream<Uint8Array>({
    write() {
      throw new Error('no space');
    },
  });
  const endless = (function* () {
    for (;;) {
      yield { label: 0, bytes: new Uint8Array(100_000) };
    }
  })();
  await expect(writeFaceRecords({ images: endless, records, index, layout: 'flat' })).rejects.toThrow(
    'no space',
  );
  expect(aborted).toMatchObject({ message: 'no space' });
});

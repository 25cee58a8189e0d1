import { describe, expect, test } from 'vitest';
import { writeFaceRecords } from './face-record-writer.ts';
import { encodeImageRecord } from './image-record.ts';
import { memorySource } from './memory-source.ts';
import { serializeIndex } from './record-index.ts';
import { listRecords } from './record-listing.ts';
import { surveyRecords } from './record-survey.ts';
import { verifyRecords } from './record-verify.ts';
import { collectingStream } from './testing/collecting-stream.ts';
import { writeRecords } from './testing/record-writing.ts';

const image = (label: number | number[], id: number | bigint) =>
  encodeImageRecord({ label, id, content: new Uint8Array(20).fill(Number(id) & 255) });

async function insightface() {
  const records = collectingStream();
  const index = collectingStream();
  const labels = [4, 4, 7];
  const images = labels.map((label) => ({ label, bytes: new Uint8Array(9).fill(label) }));
  await writeFaceRecords({ images, records: records.stream, index: index.stream, layout: 'insightface' });
  return { records: memorySource(records.bytes()), index: memorySource(index.bytes()) };
}

describe('surveyRecords', () => {
  test('tells the InsightFace layout, with and without an index', async () => {
    const { records, index } = await insightface();
    const survey = await surveyRecords({ records, index });
    expect(survey).toMatchObject({ layout: 'insightface', keysFrom: 'index', identities: 2 });
    expect([...survey.keys]).toEqual([1, 2, 3, 4, 5, 0]);
    expect([...survey.labels]).toEqual([4, 4, 7]);
    expect(await surveyRecords({ records })).toEqual({ ...survey, keysFrom: 'ids' });
    expect(await surveyRecords({ records, layout: 'flat' })).toMatchObject({ layout: 'flat', identities: 2 });
  });

  test('takes labels that are no numbers of identities', async () => {
    const { bytes } = await writeRecords([image(0.5, 3), image([-1, 2], 9), image(0.5, 4)]);
    const survey = await surveyRecords({ records: memorySource(bytes) });
    expect(survey).toMatchObject({ layout: 'flat', identities: 2 });
    expect([...survey.labels]).toEqual([0.5, -1, 0.5]);
    expect([...survey.keys]).toEqual([3, 9, 4]);
  });

  test.each<[string, Uint8Array[], string]>([
    ['ids that repeat', [image(0, 5), image(0, 5)], 'flat'],
    ['ids past 2^53', [image(0, 1), image(0, 2n ** 60n)], 'flat'],
    ['a record without header', [image(0, 5), new Uint8Array(3)], 'raw'],
  ])('keys are places: %s', async (_, payloads, layout) => {
    const { bytes, offsets } = await writeRecords(payloads);
    const survey = await surveyRecords({ records: memorySource(bytes) });
    expect(survey).toMatchObject({ layout, keysFrom: 'places' });
    expect([...survey.keys]).toEqual([0, 1]);
    expect([...survey.offsets]).toEqual(offsets);
  });

  test('identity records that contradict the images are named, by verifying, too', async () => {
    const { records, index } = await insightface();
    expect(await verifyRecords({ records, index, imageRecords: 'auto' })).toMatchObject({ faultCount: 0 });
    const bytes = (await records.read(0, records.byteLength)).slice();
    const { offsets } = await surveyRecords({ records });
    // The second identity record (key 5) says it begins an image earlier: 8 bytes of frame, 24 of header.
    new DataView(bytes.buffer).setFloat32(offsets[4]! + 32, 2, true);
    const damaged = memorySource(bytes);
    const fault = { offset: offsets[4], key: 5 };
    await expect(surveyRecords({ records: damaged })).rejects.toMatchObject({
      code: 'bad-identity-range',
      ...fault,
    });
    expect((await verifyRecords({ records: damaged })).faultCount).toBe(0);
    const { faults } = await verifyRecords({ records: damaged, imageRecords: 'auto' });
    expect(faults).toMatchObject([{ fault: 'bad-identity-range', file: 'records', ...fault }]);
  });

  test('a record that the index does not have has no key', async () => {
    const { bytes, offsets } = await writeRecords([image(0, 1), image(0, 2)]);
    const index = memorySource(
      serializeIndex({ keys: Float64Array.of(8), offsets: Float64Array.of(offsets[1]!) }),
    );
    const records = memorySource(bytes);
    expect([...(await surveyRecords({ records, index })).keys]).toEqual([Number.NaN, 8]);
    const keys = [];
    for await (const { key, image: parsed } of listRecords({ records, index })) keys.push([key, parsed?.id]);
    expect(keys).toEqual([
      [undefined, 1n],
      [8, 2n],
    ]);
  });
});

test('listing hands out the records before a fault', async () => {
  const { bytes } = await writeRecords([image(0, 1), new Uint8Array(3), image(0, 2)]);
  const listed: unknown[] = [];
  const list = async (): Promise<void> => {
    for await (const { key } of listRecords({ records: memorySource(bytes) })) listed.push(key);
  };
  await expect(list()).rejects.toMatchObject({ code: 'bad-image-header', key: 1 });
  expect(listed).toEqual([0]);
});

test('the few records without a header are faults when most have one', async () => {
  const strange = new Uint8Array(3);
  const verify = async (payloads: Uint8Array[]) => {
    const { bytes } = await writeRecords(payloads);
    return verifyRecords({ records: memorySource(bytes), imageRecords: 'auto', maxFaults: 1 });
  };
  expect(await verify([image(0, 1), strange, image(0, 2)])).toMatchObject({
    faultCount: 1,
    faults: [{ fault: 'bad-image-header', offset: 52 }],
  });
  expect((await verify([image(0, 1), strange, strange])).faultCount).toBe(0);
});

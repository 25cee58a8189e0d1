import { describe, expect, test } from 'vitest';
import { compactLabels, filterDataset } from './dataset-views.ts';
import type { FaceDataset } from './face-dataset.ts';
import { type LabelledImage, writeFaceRecords } from './face-record-writer.ts';
import { memorySource } from './memory-source.ts';
import { openRecordDataset, type RecordLayout } from './record-dataset.ts';
import { collectingStream } from './testing/collecting-stream.ts';
import { oracleBytes, oracleIsAbsent, oracleJson, sha256 } from './testing/oracle.ts';

const decoder = new TextDecoder();

function open(name: string, options: { index?: boolean; layout?: RecordLayout } = {}) {
  const { index = true, layout } = options;
  return openRecordDataset({
    records: memorySource(oracleBytes(`${name}.rec`)),
    index: index ? memorySource(oracleBytes(`${name}.idx`)) : undefined,
    layout,
  });
}

async function* imagesOf(dataset: FaceDataset): AsyncGenerator<LabelledImage> {
  for (let position = 0; position < dataset.length; position++) {
    yield dataset.read(position);
  }
}

async function write(dataset: FaceDataset, layout: RecordLayout) {
  const records = collectingStream();
  const index = collectingStream();
  const summary = await writeFaceRecords({
    images: imagesOf(dataset),
    records: records.stream,
    index: index.stream,
    layout,
  });
  return { summary, records: records.bytes(), index: index.bytes() };
}

describe.skipIf(oracleIsAbsent)("the reference's face records (needs ../shared)", () => {
  test.each([true, false])('labels with gaps, the header record last (index: %s)', async (index) => {
    const dataset = await open('recordio/b_gaps', { index });
    expect(dataset.layout).toBe('insightface');
    expect([...dataset.labels]).toEqual([2, 2, 2, 5, 6, 6, 11, 11, 11, 11]);
    expect(dataset.identities.map(({ label, images }) => [label, ...images])).toEqual([
      [2, 0, 1, 2],
      [5, 3],
      [6, 4, 5],
      [11, 6, 7, 8, 9],
    ]);
    expect(dataset.key(0)).toBe(1);
    const record = await dataset.read(9);
    expect(record).toMatchObject({ key: 10, label: 11 });
    expect(record.bytes.length).toBe(782);
  });

  test('a file without a header record, labels out of order', async () => {
    const dataset = await open('recordio/c_seq_unsorted');
    expect(dataset.layout).toBe('flat');
    expect([...dataset.labels]).toEqual([4, 0, 9, 4, 2]);
    expect(dataset.identities.map(({ label, images }) => [label, ...images])).toEqual([
      [0, 1],
      [2, 4],
      [4, 0, 3],
      [9, 2],
    ]);
  });

  test('im2rec output keeps the order of its index, label vectors count by their first label', async () => {
    const dataset = await open('recordio/e_multilabel');
    expect(Array.from({ length: 12 }, (_, i) => dataset.key(i))).toEqual([
      1, 4, 9, 0, 3, 8, 5, 6, 11, 10, 7, 2,
    ]);
    expect([...dataset.labels]).toEqual([0, 1, 3, 0, 1, 2, 1, 2, 3, 3, 2, 0]);
  });

  test.each([
    ['b_insightface', 'insightface'],
    ['b_gaps', 'insightface'],
    ['c_seq', 'flat'],
    ['c_seq_unsorted', 'flat'],
  ] as const)('%s is written again byte for byte', async (name, layout) => {
    const written = await write(await open(`recordio/${name}`), layout);
    expect(decoder.decode(written.index)).toBe(decoder.decode(oracleBytes(`recordio/${name}.idx`)));
    expect(sha256(written.records)).toBe(sha256(oracleBytes(`recordio/${name}.rec`)));
    expect(written.summary.property).toBe(decoder.decode(oracleBytes(`recordio/${name}.property`)));
  });

  test('an InsightFace file opens flat by its own labels', async () => {
    const dataset = await open('recordio/b_gaps', { layout: 'flat' });
    expect(dataset.length).toBe(10);
    expect(dataset.identities.map(({ label }) => label)).toEqual([2, 5, 6, 11]);
  });

  test.each(['k3_t75', 'k3_t70', 'k1_t75', 'k3_t60_3shards', 'k3_t40_2shards', 'k3_random_t89'])(
    'the output of drop.py, run %s, is rebuilt byte for byte from a view',
    async (run) => {
      const manifest = oracleJson<{
        rec_sha256: string;
        property: string;
        identities_out: number;
        images: { kept: boolean }[];
      }>(`drop/out_${run}.json`);
      const dataset = await open('drop/in_train');
      expect(dataset.length).toBe(manifest.images.length);
      const kept = manifest.images.flatMap((image, position) => (image.kept ? [position] : []));
      const written = await write(compactLabels(filterDataset(dataset, kept)), 'flat');
      expect(sha256(written.records)).toBe(manifest.rec_sha256);
      expect(decoder.decode(written.index)).toBe(decoder.decode(oracleBytes(`drop/out_${run}.idx`)));
      expect(written.summary).toMatchObject({
        property: manifest.property,
        identities: manifest.identities_out,
      });
    },
  );
});

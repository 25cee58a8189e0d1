import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rawDecoder, rawFaces, slowDecoder } from '../testing/raw-faces.fixture.ts';
import { type Batch, DataLoader, type DataLoaderOptions, type DataPosition } from './data-loader.ts';

const size = { height: 6, width: 4 };
const faces = (options: { undecodable?: number[]; identities?: number } = {}) =>
  rawFaces({ identities: 5, imagesPerIdentity: 4, ...size, ...options });

async function take(loader: DataLoader, count: number, from?: DataPosition & { index?: number }) {
  const batches: Batch[] = [];
  for await (const batch of loader.batches(from)) {
    batches.push(batch);
    if (batches.length === count) break;
  }
  return batches;
}

const loader = (options: Partial<DataLoaderOptions> = {}) =>
  new DataLoader({ dataset: faces(), decoder: rawDecoder, size, batchSize: 6, seed: 3, ...options });

test('an epoch visits different images, in another order each time, and drops what does not fill a batch', async () => {
  const batches = await take(loader(), 6);
  expect(batches.map(({ epoch, index }) => [epoch, index])).toEqual([
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
  ]);
  const first = batches.slice(0, 3).flatMap((batch) => [...batch.positions]);
  const second = batches.slice(3).flatMap((batch) => [...batch.positions]);
  expect(new Set(first).size).toBe(18);
  expect(new Set(second).size).toBe(18);
  expect(first).not.toEqual(second);
});

test('without shuffle and augmentation, batches are the records in data order', async () => {
  const dataset = faces();
  const [batch] = await take(loader({ dataset, shuffle: false, augmentation: { mirror: 0 } }), 1);
  expect(batch!.keys).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...batch!.labels]).toEqual([0, 0, 0, 0, 1, 1]);
  const records = await Promise.all([0, 1, 2, 3, 4, 5].map((position) => dataset.read(position)));
  expect([...batch!.images]).toEqual(records.flatMap((record) => [...record.bytes]));
});

test('the same seed gives the same batches whatever the timing; another seed does not', async () => {
  const augmentation = { mirror: 0.5, shift: 1, brightness: 0.2, contrast: 0.2, saturation: 0.2, cutoff: 3 };
  const plain = await take(loader({ augmentation }), 7);
  const slow = await take(loader({ augmentation, decoder: slowDecoder, concurrency: 3, batchesAhead: 1 }), 7);
  expect(slow).toEqual(plain);
  const other = await take(loader({ augmentation, seed: 4 }), 7);
  expect(other).not.toEqual(plain);
});

test('going on anywhere gives what would have come', async () => {
  const options = {
    dataset: faces({ undecodable: [2, 7, 19] }),
    augmentation: { shift: 2, brightness: 0.3 },
  };
  const all = await take(loader(options), 9);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 7 }), async (done) => {
      const { next, epoch, index } = all[done]!;
      const rest = await take(loader(options), 8 - done, { ...next, index: index + 1 });
      expect(next.epoch).toBe(epoch);
      expect(rest).toEqual(all.slice(done + 1));
    }),
    { numRuns: 12 },
  );
});

test('reads ahead, but no further than it is told to', async () => {
  const dataset = faces();
  const batches = loader({ dataset, batchSize: 4, batchesAhead: 2 }).batches();
  await batches.next();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(dataset.reads.length).toBeGreaterThan(4);
  expect(dataset.reads.length).toBeLessThanOrEqual(12);
  await batches.return();
  const { length } = dataset.reads;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(dataset.reads.length).toBe(length);
});

test('undecodable images are skipped, replaced by the next, and reported once', async () => {
  const reported: (number | string)[] = [];
  const dataset = faces({ undecodable: [0, 3] });
  const subject = loader({ dataset, shuffle: false, onUndecodable: ({ key }) => reported.push(key) });
  const batches = await take(subject, 6);
  expect(batches[0]!.keys).toEqual([2, 3, 5, 6, 7, 8]);
  expect(reported).toEqual([1, 4]);
  expect(subject.undecodable).toMatchObject([
    { key: 1, position: 0, reason: 'not a raw image: 5 bytes' },
    { key: 4, position: 3 },
  ]);
});

test('refuses a dataset in which nothing can be decoded, naming keys', async () => {
  const all = Array.from({ length: 20 }, (_, i) => i);
  const failure = take(loader({ dataset: faces({ undecodable: all }) }), 1);
  await expect(failure).rejects.toMatchObject({ code: 'nothing-decodable' });
  await expect(failure).rejects.toSatisfy((error: { keys: unknown[] }) => error.keys.length === 20);
});

test('refuses a dataset in which too little can be decoded for a batch', async () => {
  const most = Array.from({ length: 17 }, (_, i) => i);
  await expect(take(loader({ dataset: faces({ undecodable: most }) }), 1)).rejects.toMatchObject({
    code: 'batch-too-large',
    message: expect.stringContaining('only 3 of 20 can be decoded'),
  });
});

test('a dataset that cannot be read is an error, not a skipped image', async () => {
  const dataset = { ...faces(), read: () => Promise.reject(new Error('disk gone')) };
  await expect(take(loader({ dataset }), 1)).rejects.toThrow('disk gone');
});

test('a decoder that breaks its contract is found out', async () => {
  const decoder = { decode: async () => new Uint8Array(7) };
  await expect(take(loader({ decoder }), 1)).rejects.toMatchObject({ code: 'invalid-decoder' });
});

test.each([
  ['an empty dataset', { dataset: faces({ identities: 0 }) }, 'invalid-dataset'],
  ['a batch larger than the dataset', { batchSize: 21 }, 'batch-too-large'],
  ['a batch of nothing', { batchSize: 0 }, 'invalid-option'],
  ['a mirror chance of 2', { augmentation: { mirror: 2 } }, 'invalid-option'],
  ['a shift of half a pixel', { augmentation: { shift: 0.5 } }, 'invalid-option'],
  ['nothing read at once', { concurrency: 0 }, 'invalid-option'],
  ['no batch ahead', { batchesAhead: 0 }, 'invalid-option'],
])('refuses %s', (_name, options, code) => {
  expect(() => loader(options)).toThrow(expect.objectContaining({ code }));
});

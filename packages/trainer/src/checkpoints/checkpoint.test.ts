import { parseSafetensors, serializeSafetensors } from '@arcface/backbones';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { resolveTrainOptions } from '../training/train-options.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, latestCheckpoint } from './checkpoint.ts';
import { seal, UNSEALED } from './checkpoint-seal.ts';
import { checkpointFileName, MemoryCheckpointStore } from './checkpoint-store.ts';
import { checkpointSubcenters } from './model-checkpoint.ts';

const checkpoint = (step = 120): Checkpoint => ({
  network: { name: 'y1', graph: [] as unknown as Checkpoint['network']['graph'] },
  head: { classes: 2, subcenters: 1, embeddingSize: 3, margin: { m1: 1, m2: 0.5, m3: 0, s: 64 } },
  progress: { step, epoch: 2, position: 64, batch: 1 },
  options: resolveTrainOptions({ batchSize: 64 }),
  data: { images: 5, classes: 2, hash: '00' },
  metrics: { loss: 1.5 },
  best: { name: 'step-00000100.safetensors', metric: 'accuracy', value: 0.75 },
  // A string that looks like the place for the digest must not be mistaken for it.
  versions: { backend: 'cpu "sha256":"' },
  tensors: [
    { name: 'arg:a', shape: [3], dtype: 'float32', data: Float32Array.of(1, 2, 3) },
    { name: 'head:fc7_0_weight', shape: [2, 3], dtype: 'float32', data: Float32Array.of(1, 0, 0, 0, 1, 0) },
  ],
});

describe('encodeCheckpoint', () => {
  test('what is written is read back', async () => {
    const original = checkpoint();
    const decoded = await decodeCheckpoint(await encodeCheckpoint(original));
    const byName = ({ tensors, ...rest }: Checkpoint) => ({
      ...rest,
      tensors: Object.fromEntries(
        tensors.map(({ name, shape, data }) => [name, { shape: [...shape], data: [...data] }]),
      ),
    });
    expect(byName(decoded)).toEqual(byName(original));
  });

  test('is a safetensors file with readable metadata, the same bytes each time', async () => {
    const bytes = await encodeCheckpoint(checkpoint());
    const { metadata } = parseSafetensors(bytes);
    expect(metadata).toMatchObject({ format: 'arcface-checkpoint', version: '1', step: '120', epoch: '2' });
    expect(metadata.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await encodeCheckpoint(checkpoint())).toEqual(bytes);
  });
});

describe('decodeCheckpoint', () => {
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await encodeCheckpoint(checkpoint());
  });

  test('finds any changed bit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 7 }), async (at, bit) => {
        const damaged = new Uint8Array(bytes);
        damaged[at]! ^= 1 << bit;
        await expect(decodeCheckpoint(damaged, 'x')).rejects.toMatchObject({
          name: 'TrainingError',
          code: 'checkpoint-damaged',
        });
      }),
      { numRuns: 300 },
    );
  });

  test('finds any cut', async () => {
    for (let length = 0; length < bytes.length; length += 7) {
      await expect(decodeCheckpoint(bytes.slice(0, length), 'x')).rejects.toMatchObject({
        code: 'checkpoint-damaged',
      });
    }
  });

  test('says when a file is another kind of safetensors, or newer', async () => {
    const tensors = [...checkpoint().tensors];
    const plain = serializeSafetensors({ tensors, metadata: { format: 'pt' } });
    await expect(decodeCheckpoint(plain, 'model')).rejects.toThrow(/model .* format "pt"/);
    const newer = serializeSafetensors({
      tensors,
      metadata: { format: 'arcface-checkpoint', version: '2', ...UNSEALED },
    });
    await seal(newer);
    await expect(decodeCheckpoint(newer)).rejects.toMatchObject({ code: 'checkpoint-version' });
  });
});

describe('latestCheckpoint', () => {
  test('is none in an empty store', async () => {
    const store = new MemoryCheckpointStore();
    expect(await latestCheckpoint(store)).toBeUndefined();
    await store.write('notes.txt', Uint8Array.of(1));
    expect(await latestCheckpoint(store)).toBeUndefined();
  });

  test('is the newest whole one; damaged ones are named', async () => {
    const store = new MemoryCheckpointStore();
    for (const step of [3, 20, 100])
      await store.write(checkpointFileName(step), await encodeCheckpoint(checkpoint(step)));
    await store.write(checkpointFileName(100), (await store.read(checkpointFileName(100))).slice(0, -1));
    const latest = await latestCheckpoint(store);
    expect(latest).toMatchObject({
      name: checkpointFileName(20),
      checkpoint: { progress: { step: 20 } },
      damaged: [{ name: checkpointFileName(100), reason: expect.stringContaining(checkpointFileName(100)) }],
    });
  });

  test('is an error when all are damaged', async () => {
    const store = new MemoryCheckpointStore();
    await store.write(checkpointFileName(1), Uint8Array.of(1, 2, 3));
    await expect(latestCheckpoint(store)).rejects.toMatchObject({ code: 'checkpoint-damaged' });
  });
});

describe('checkpointSubcenters', () => {
  test('are the rows of the head', () => {
    expect(checkpointSubcenters(checkpoint())).toMatchObject({ classes: 2, subcenters: 1, dimensions: 3 });
  });

  test('are refused when the rows are not what the head says', () => {
    const wrong = { ...checkpoint(), head: { ...checkpoint().head, subcenters: 3 } };
    expect(() => checkpointSubcenters(wrong)).toThrow(/2 classes x 3 sub-centres of 3 values/);
    expect(() => checkpointSubcenters({ ...checkpoint(), tensors: [] })).toThrow(/no head at all/);
  });
});

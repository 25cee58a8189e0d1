import { parseSafetensors, serializeSafetensors } from '@arcface/backbones';
import type { ReadOptions } from '@arcface/recordio';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { eventLoopTurn } from '../data/event-loop-turn.ts';
import { resolveTrainOptions } from '../training/train-options.ts';
import { type Checkpoint, checkpointFile, encodeCheckpoint } from './checkpoint.ts';
import { checkpointFileName, joinedPieces, MemoryCheckpointStore } from './checkpoint-store.ts';
import { checkpointSubcenters } from './model-checkpoint.ts';
import { decodeCheckpoint, latestCheckpoint, openCheckpoint } from './stored-checkpoint.ts';
import { VERSION_1 } from './version-1.fixture.ts';

const checkpoint = (step = 120): Checkpoint => ({
  network: {
    name: 'tiny',
    graph: {
      name: 'tiny',
      input: 'data',
      inputShape: [4, 4, 3],
      nodes: [],
      output: 'data',
      initializer: { distribution: 'gaussian', fan: 'out', magnitude: 2 },
    },
  },
  head: { classes: 2, subcenters: 1, embeddingSize: 3, margin: { m1: 1, m2: 0.5, m3: 0, s: 64 } },
  progress: { step, epoch: 2, position: 64, batch: 1 },
  options: resolveTrainOptions({ batchSize: 64 }),
  data: { images: 5, classes: 2, hash: '00' },
  metrics: { loss: 1.5 },
  evaluationPending: false,
  best: { name: 'step-00000100.safetensors', metric: 'accuracy', value: 0.75 },
  versions: { backend: 'cpu "sha256":"' },
  tensors: [
    { name: 'arg:a', shape: [3], dtype: 'float32', data: Float32Array.of(1, 2, 3) },
    { name: 'head:fc7_0_weight', shape: [2, 3], dtype: 'float32', data: Float32Array.of(1, 0, 0, 0, 1, 0) },
  ],
});

const plain = ({ tensors, ...rest }: Checkpoint) => ({
  ...rest,
  tensors: Object.fromEntries(
    tensors.map(({ name, shape, data }) => [name, { shape: [...shape], data: [...data] }]),
  ),
});

describe('encodeCheckpoint', () => {
  test.each([false, true])('what is written is read back (evaluation pending: %s)', async (pending) => {
    const original = { ...checkpoint(), evaluationPending: pending };
    const decoded = await decodeCheckpoint(await encodeCheckpoint(original));
    expect(plain(decoded)).toEqual(plain(original));
  });

  test('is a safetensors file with readable metadata, the same bytes each time', async () => {
    const bytes = await encodeCheckpoint(checkpoint());
    const { metadata, tensors } = parseSafetensors(bytes);
    expect(metadata).toMatchObject({ format: 'arcface-checkpoint', version: '2', step: '120', epoch: '2' });
    expect(tensors.map(({ name }) => name)).toEqual(['arg:a', 'head:fc7_0_weight', 'sha256']);
    expect(tensors.at(-1)!.shape).toEqual([2, 32]);
    expect(await encodeCheckpoint(checkpoint())).toEqual(bytes);
  });

  test('however values are cut, the file is the same; more or fewer than the shape says are refused', async () => {
    const whole = checkpoint();
    const inPieces = (lengths: readonly number[]) =>
      joinedPieces(
        checkpointFile({
          ...whole,
          tensors: whole.tensors.map(({ data, ...tensor }) => ({
            ...tensor,
            async *pieces() {
              let at = 0;
              for (const length of lengths) {
                yield data.subarray(at, at + length);
                at += length;
              }
              yield data.subarray(at);
            },
          })),
        }),
      );
    const bytes = await encodeCheckpoint(whole);
    expect(await inPieces([1, 0, 1])).toEqual(bytes);
    expect(await inPieces([])).toEqual(bytes);
    const short = { ...whole.tensors[0]!, data: Float32Array.of(1, 2) };
    await expect(encodeCheckpoint({ ...whole, tensors: [short] })).rejects.toMatchObject({
      code: 'parameter-mismatch',
      message: 'arg:a has 2 values, and its shape [3] needs 3.',
    });
  });
});

describe('decodeCheckpoint', () => {
  let bytes: Uint8Array;
  beforeAll(async () => {
    bytes = await encodeCheckpoint(checkpoint());
  });

  test.each([
    ['of version 2', () => bytes],
    ['of version 1', () => VERSION_1],
  ])('finds any changed bit of a file %s', async (_version, file) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(file().length - 1), fc.integer({ min: 0, max: 7 }), async (at, bit) => {
        const damaged = new Uint8Array(file());
        damaged[at]! ^= 1 << bit;
        await expect(decodeCheckpoint(damaged, 'x')).rejects.toMatchObject({
          name: 'TrainingError',
          code: 'checkpoint-damaged',
        });
      }),
      { numRuns: 200 },
    );
  });

  test('finds any cut', async () => {
    for (let length = 0; length < bytes.length; length += 7) {
      await expect(decodeCheckpoint(bytes.slice(0, length), 'x')).rejects.toMatchObject({
        code: 'checkpoint-damaged',
      });
    }
  });

  test('reads what an earlier program has written', async () => {
    const decoded = await decodeCheckpoint(VERSION_1);
    expect(plain(decoded)).toEqual(plain(checkpoint()));
  });

  test('says when a file is another kind of safetensors, or newer', async () => {
    const tensors = [...checkpoint().tensors];
    const other = serializeSafetensors({ tensors, metadata: { format: 'pt' } });
    await expect(decodeCheckpoint(other, 'model')).rejects.toThrow(/model .* format "pt"/);
    const newer = serializeSafetensors({
      tensors,
      metadata: { format: 'arcface-checkpoint', version: '3' },
    });
    await expect(decodeCheckpoint(newer)).rejects.toMatchObject({ code: 'checkpoint-version' });
    const unsealed = serializeSafetensors({
      tensors,
      metadata: { format: 'arcface-checkpoint', version: '2' },
    });
    await expect(decodeCheckpoint(unsealed)).rejects.toThrow(/it has no seal/);
  });

  test.each([
    ['a network that is none', { network: { name: 'x', graph: [] } }, /network must be an object/],
    ['no network', { network: null }, /"network" is not an object/],
    [
      'a head without classes',
      { head: { subcenters: 1, embeddingSize: 3, margin: {} } },
      /undefined as classes/,
    ],
    ['options that are a list', { options: [] }, /"config" is not an object/],
  ])('refuses %s, whoever has sealed it', async (_name, wrong, message) => {
    const options = resolveTrainOptions();
    const sealed = await encodeCheckpoint({ ...checkpoint(), options, ...wrong } as unknown as Checkpoint);
    const failure = decodeCheckpoint(sealed, 'x');
    await expect(failure).rejects.toMatchObject({ code: 'checkpoint-damaged' });
    await expect(failure).rejects.toThrow(message);
  });
});

describe('openCheckpoint', () => {
  test('reads rows, compares what it reads with the seal, and nothing else', async () => {
    const rows = 3 << 19;
    const data = new Float32Array(8 * rows);
    const across = (1 << 19) - 1;
    for (let i = 0; i < 16; i++) data[8 * across + i] = i + 1;
    for (const piece of [0, 2]) data[8 * (piece << 19)] = 100 + piece;
    const tensors = [{ name: 'head:fc7_0_weight', shape: [rows, 8], dtype: 'float32' as const, data }];
    // Three pieces of 16 MiB.
    const bytes = await encodeCheckpoint({ ...checkpoint(), tensors });
    const reads: number[] = [];
    const source = {
      byteLength: bytes.length,
      // Fills the memory that it is given, after a while.
      read: async (start: number, end: number, { into = new Uint8Array(end - start) }: ReadOptions = {}) => {
        reads.push(end - start);
        await eventLoopTurn();
        const taken = into.subarray(0, end - start);
        taken.set(bytes.subarray(start, end));
        return taken;
      },
    };
    const [tensor] = (await openCheckpoint(source, 'x')).tensors;
    const opened = reads.splice(0);
    expect(Math.max(...opened)).toBeLessThan(10_000);
    expect(await tensor!.read(across, across + 2)).toEqual(data.slice(8 * across, 8 * across + 16));
    expect(reads.splice(0)).toEqual([1 << 24, 1 << 24]);
    expect(await tensor!.read(rows, rows)).toEqual(new Float32Array(0));
    const together = [0, 1, 2].map((piece) => tensor!.read(piece << 19, (piece << 19) + 1));
    const first = [0, 1, 2].map((piece) => data.slice(8 * (piece << 19), 8 * (piece << 19) + 8));
    expect(await Promise.all(together)).toEqual(first);
    bytes[bytes.length - 1000]! ^= 1;
    expect(await tensor!.read(0, 1)).toEqual(data.slice(0, 8));
    await expect(tensor!.read(rows - 1)).rejects.toMatchObject({
      code: 'checkpoint-damaged',
      message: expect.stringMatching(/the SHA-256 of its bytes \d+ to \d+ does not match/),
    });
  });

  test('passes on what its source throws: that does not say that an older one should be used', async () => {
    const broken = new Error('read error');
    const bytes = await encodeCheckpoint(checkpoint());
    for (const from of [0, 8, bytes.length - 64]) {
      const source = {
        byteLength: bytes.length,
        read: async (start: number, end: number) => {
          if (start >= from) throw broken;
          return bytes.subarray(start, end);
        },
      };
      await expect(openCheckpoint(source)).rejects.toBe(broken);
    }
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
    const network = await latestCheckpoint(store, (name) => name.startsWith('arg:'));
    expect(network!.checkpoint.tensors.map(({ name }) => name)).toEqual(['arg:a']);
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

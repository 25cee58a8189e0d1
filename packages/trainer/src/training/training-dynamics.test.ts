import { serializeSafetensors } from '@arcface/backbones';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryCheckpointStore } from '../checkpoints/checkpoint-store.ts';
import { TrainingError } from '../training-error.ts';
import {
  decodeEpochDynamics,
  type EpochDynamics,
  encodeEpochDynamics,
  epochDynamicsFileName,
  listEpochDynamics,
} from './training-dynamics.ts';

const dynamics: EpochDynamics = {
  epoch: 3,
  data: { images: 4, classes: 2, hash: '0123456789abcdef' },
  own: Float32Array.of(0.5, Number.NaN, -0.25, 1),
  other: Float32Array.of(0.1, Number.NaN, 0.75, -1),
  nearest: Uint8Array.of(0, 0, 2, 1),
};

test('an epoch comes back as it was written', () => {
  expect(decodeEpochDynamics(encodeEpochDynamics(dynamics))).toEqual(dynamics);
});

test('half floats are read, too', () => {
  const row = (name: string, values: readonly number[]) => ({
    name,
    dtype: 'float16' as const,
    shape: [4],
    data: Uint16Array.from(values),
  });
  const bytes = serializeSafetensors({
    tensors: [
      row('own', [0x3800, 0x7e00, 0xb400, 0x3c00]),
      row('other', [0x2e66, 0x7e00, 0x3a00, 0xbc00]),
      { name: 'nearest', dtype: 'uint8', shape: [4], data: dynamics.nearest },
    ],
    metadata: {
      format: 'arcface-dynamics',
      version: '1',
      epoch: '3',
      data: JSON.stringify(dynamics.data),
    },
  });
  const read = decodeEpochDynamics(bytes);
  expect(read.own).toEqual(dynamics.own);
  expect(read.other[0]).toBeCloseTo(0.1, 4);
});

test('whatever else is given is refused by name', () => {
  const bytes = encodeEpochDynamics(dynamics);
  fc.assert(
    fc.property(fc.nat({ max: bytes.length - 1 }), (length) => {
      expect(() => decodeEpochDynamics(bytes.subarray(0, length), 'x')).toThrow(TrainingError);
    }),
  );
  expect(() =>
    decodeEpochDynamics(encodeEpochDynamics({ ...dynamics, own: new Float32Array(3) }), 'x'),
  ).toThrow('x is not a whole record of an epoch: tensor "own" must have 4 values, found [3].');
});

test.each([
  ['data that are null', { data: 'null' }, /does not say what data it is of/],
  ['data that are no JSON', { data: '{' }, /does not say what data it is of/],
  ['an epoch that is none', { epoch: 'x' }, /says epoch "x"/],
  ['no epoch', { epoch: '' }, /says epoch ""/],
])('metadata with %s are refused', (_name, wrong, message) => {
  const metadata = {
    format: 'arcface-dynamics',
    version: '1',
    epoch: '3',
    data: JSON.stringify(dynamics.data),
  };
  const bytes = serializeSafetensors({ tensors: [], metadata: { ...metadata, ...wrong } });
  expect(() => decodeEpochDynamics(bytes, 'x')).toThrow(
    expect.objectContaining({ code: 'checkpoint-damaged', message: expect.stringMatching(message) }),
  );
});

test('a store lists its epochs in order', async () => {
  const store = new MemoryCheckpointStore();
  for (const epoch of [10, 2, 0])
    await store.write(epochDynamicsFileName(epoch), encodeEpochDynamics(dynamics));
  await store.write('step-00000001.safetensors', new Uint8Array(1));
  expect(await listEpochDynamics(store)).toEqual([0, 2, 10].map(epochDynamicsFileName));
});

import { expect, it } from 'vitest';
import { alignedCopies } from './aligned-copies.ts';
import { loadRuntime, type NativeTensor } from './native-binding.ts';

const floats = (length: number): NativeTensor =>
  new (loadRuntime().Tensor)(
    'float32',
    Float32Array.from({ length }, (_, i) => i + 1),
    [length],
  );

it('copies many floats into one block, each at the start of a line of it', () => {
  const integers = new (loadRuntime().Tensor)('int32', Int32Array.of(1, 2), [2]);
  const given = [floats(3), integers, floats(5_000_001), floats(0), floats(4_000_000)];
  const copies = alignedCopies(given);
  expect(copies.map(({ type, dims }) => [type, dims])).toEqual(given.map(({ type, dims }) => [type, dims]));
  expect(copies[1]).toBe(integers);
  for (const [i, { data }] of copies.entries()) {
    expect(
      Buffer.compare(Buffer.from(data.buffer, data.byteOffset, data.byteLength), bytesOf(given[i]!)),
    ).toBe(0);
    if (i !== 1) expect(data.byteOffset % 64).toBe(48);
  }
  expect(new Set(copies.filter((_, i) => i !== 1).map(({ data }) => data.buffer)).size).toBe(1);
});

it('leaves few as they are', () => {
  const given = [floats(3), floats(1000)];
  expect(alignedCopies(given)).toBe(given);
});

function bytesOf({ data }: NativeTensor): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

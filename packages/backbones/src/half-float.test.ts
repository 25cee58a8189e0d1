import { expect, it } from 'vitest';
import { float16ToFloat32, float32ToFloat16 } from './half-float.ts';

it('rounds float32 to binary16 as NumPy does', () => {
  const values = [65504, 65519, 65520, 1e-8, 6e-8, 2.98e-8, 2 ** -24 * 1.5, 2 ** -24 * 2.5];
  const more = [6.1e-5, -0.1, 2049, 2051, Number.NaN, Number.POSITIVE_INFINITY];
  expect([...float32ToFloat16(Float32Array.from([...values, ...more]))]).toEqual([
    ...[0x7bff, 0x7bff, 0x7c00, 0x0, 0x1, 0x0, 0x2, 0x2],
    ...[0x3ff, 0xae66, 0x6800, 0x6802, 0x7e00, 0x7c00],
  ]);
});

it('gives every binary16 back', () => {
  const bits = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
  const isNotNumber = (value: number): boolean => (value & 0x7fff) > 0x7c00;
  expect(float32ToFloat16(float16ToFloat32(bits)).filter((value) => !isNotNumber(value))).toEqual(
    bits.filter((value) => !isNotNumber(value)),
  );
});

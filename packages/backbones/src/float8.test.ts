import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { float8e4m3fnToFloat32, float8e5m2ToFloat32 } from './float8.ts';

// Table 1 of the formats' paper: largest and smallest normal value, largest and smallest subnormal one.
it.each([
  ['E4M3', float8e4m3fnToFloat32, [0x7e, 0x08, 0x07, 0x01], [448, 2 ** -6, 0.875 * 2 ** -6, 2 ** -9]],
  ['E5M2', float8e5m2ToFloat32, [0x7b, 0x04, 0x03, 0x01], [57344, 2 ** -14, 0.75 * 2 ** -14, 2 ** -16]],
])('%s has the range of its definition, on either side of zero', (_, toFloat32, bytes, values) => {
  expect([...toFloat32(Uint8Array.from(bytes))]).toEqual(values);
  expect([...toFloat32(Uint8Array.from(bytes, (byte) => byte | 0x80))]).toEqual(
    values.map((value) => -value),
  );
});

it('E4M3 has one NaN of either sign, E5M2 has infinities and three', () => {
  expect([...float8e4m3fnToFloat32(Uint8Array.of(0x7f, 0xff, 0x80, 0x38))]).toEqual([
    Number.NaN,
    Number.NaN,
    -0,
    1,
  ]);
  const special = [...float8e5m2ToFloat32(Uint8Array.of(0x7c, 0xfc, 0x7d, 0x7e, 0x7f, 0x80))];
  expect(special).toEqual([Infinity, -Infinity, Number.NaN, Number.NaN, Number.NaN, -0]);
});

// python: x = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
//   hashlib.sha256(x.nan_to_num(1000, posinf=1e5, neginf=-1e5).numpy().tobytes()).hexdigest()
it.each([
  [
    'float8_e4m3fn',
    float8e4m3fnToFloat32,
    '09d2f6bae14284f10f24c7c0944a61014b9788fcad05824f00f453688c980c45',
  ],
  ['float8_e5m2', float8e5m2ToFloat32, 'e4b60ffc737741497eb169751f1025c531761b8de20cff00570557c7d824a788'],
])('all values of %s are those of PyTorch', (_, toFloat32, expected) => {
  const values = toFloat32(Uint8Array.from({ length: 256 }, (_value, i) => i));
  const finite = values.map((value) => (Number.isNaN(value) ? 1000 : Math.max(-1e5, Math.min(1e5, value))));
  expect(createHash('sha256').update(new Uint8Array(finite.buffer)).digest('hex')).toBe(expected);
});

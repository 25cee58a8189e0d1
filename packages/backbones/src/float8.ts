/**
 * The two 8-bit float formats in which weights are published (Micikevicius et al., _FP8 Formats for Deep Learning_, 2022).
 * E4M3 has 4 bits of exponent and 3 of fraction, no infinities and one NaN of either sign, and so reaches 448; E5M2 is the
 * upper half of a binary16. Every value of either is exactly a float32.
 */
import { float16ToFloat32 } from './half-float.ts';

/** E4M3 bits (`float8_e4m3fn` of PyTorch) to float32 values. */
export function float8e4m3fnToFloat32(bits: Uint8Array): Float32Array {
  return Float32Array.from(bits, (byte) => E4M3[byte]!);
}

/** E5M2 bits to float32 values. */
export function float8e5m2ToFloat32(bits: Uint8Array): Float32Array {
  return float16ToFloat32(Uint16Array.from(bits, (byte) => byte << 8));
}

/** The value of every byte. */
const E4M3 = Float32Array.from({ length: 256 }, (_, byte) => {
  const sign = byte & 0x80 ? -1 : 1;
  const exponent = (byte >> 3) & 0xf;
  const fraction = byte & 0x7;
  if (exponent === 0xf && fraction === 0x7) return Number.NaN;
  // Without a leading one where the exponent is at its least.
  return sign * (exponent === 0 ? fraction * 2 ** -9 : (8 + fraction) * 2 ** (exponent - 10));
});

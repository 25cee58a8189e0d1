/**
 * The two 16-bit float formats of checkpoints. IEEE binary16 has 5 bits of exponent and 10 of fraction; bfloat16 is the
 * upper half of a float32. Every value of either is exactly a float32.
 */

/** binary16 bits to float32 values; NaN stays NaN, subnormals are exact. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  const result = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i]!;
    const sign = (half & 0x8000) << 16;
    const exponent = (half >>> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) {
      result[i] = sign | 0x7f800000 | (fraction << 13);
    } else if (exponent !== 0) {
      result[i] = sign | ((exponent + 112) << 23) | (fraction << 13);
    } else if (fraction !== 0) {
      // Subnormal: fraction * 2^-24. Its leading one becomes the hidden bit of a normal float32.
      const shift = Math.clz32(fraction) - 21;
      result[i] = sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
    } else {
      result[i] = sign;
    }
  }
  return new Float32Array(result.buffer);
}

/** bfloat16 bits to float32 values. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const result = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    result[i] = bits[i]! << 16;
  }
  return new Float32Array(result.buffer);
}

/** float32 values to the nearest binary16 bits, ties to even; what is too large becomes infinite. */
export function float32ToFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => {
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude > 0x7f800000) return sign | 0x7e00;
    // From 65520 on, halfway to the next power of two, the nearest is infinite.
    if (magnitude >= 0x477ff000) return sign | 0x7c00;
    if (magnitude < 0x38800000) {
      // Subnormal: a multiple of 2^-24.
      const value = new Float32Array(Uint32Array.of(magnitude).buffer)[0]!;
      const units = value * 2 ** 24;
      const below = Math.floor(units);
      const rest = units - below;
      return sign | (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below);
    }
    const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  });
}

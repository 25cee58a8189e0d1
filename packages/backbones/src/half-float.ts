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

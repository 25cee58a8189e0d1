/*
 * A perceptual hash: 64 bits that stay nearly the same when an image is scaled, recompressed or brightened. Every bit says whether
 * one of 8 x 8 regions is darker than its right neighbour ("dHash").
 */

export const HASH_BYTES = 8;

const COLUMNS = 9;
const ROWS = 8;

/** Thousandths of luma (ITU-R BT.601) that the channels weigh: whole numbers, so that regions of one colour are exactly as bright. */
const LUMA = [299, 587, 114] as const;

/** @param pixels RGB, 8 bits a channel, row after row. @returns 8 bytes, a row of regions each. */
export function differenceHash(
  pixels: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
): Uint8Array {
  const sums = new Float64Array(ROWS * COLUMNS);
  const begins = Array.from({ length: COLUMNS + 1 }, (_, column) => Math.ceil((column * width) / COLUMNS));
  for (let y = 0; y < height; y++) {
    const first = Math.floor((y * ROWS) / height) * COLUMNS;
    for (let column = 0; column < COLUMNS; column++) {
      const end = (y * width + begins[column + 1]!) * 3;
      let [red, green, blue] = [0, 0, 0];
      for (let at = (y * width + begins[column]!) * 3; at < end; at += 3) {
        red += pixels[at]!;
        green += pixels[at + 1]!;
        blue += pixels[at + 2]!;
      }
      sums[first + column]! += LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue;
    }
  }
  const hash = new Uint8Array(HASH_BYTES);
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < ROWS; column++) {
      const brightness = (of: number): number =>
        sums[row * COLUMNS + of]! / Math.max(1, begins[of + 1]! - begins[of]!);
      if (brightness(column) < brightness(column + 1)) hash[row]! |= 1 << column;
    }
  }
  return hash;
}

/** How many of the 64 bits differ. */
export function hashDistance(hashes: Uint8Array, a: number, b: number): number {
  let bits = 0;
  for (let i = 0; i < HASH_BYTES; i++) {
    let x = hashes[a * HASH_BYTES + i]! ^ hashes[b * HASH_BYTES + i]!;
    for (; x !== 0; x &= x - 1) bits += 1;
  }
  return bits;
}

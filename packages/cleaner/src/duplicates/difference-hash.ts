/*
 * A perceptual hash: 64 bits that stay nearly the same when an image is scaled, recompressed or brightened. Every bit says whether
 * one of 8 x 8 regions is darker than its right neighbour ("dHash").
 */

export const HASH_BYTES = 8;

const COLUMNS = 9;
const ROWS = 8;

/** @param pixels RGB, 8 bits a channel, row after row. @returns 8 bytes, a row of regions each. */
export function differenceHash(
  pixels: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
): Uint8Array {
  const sums = new Float64Array(ROWS * COLUMNS);
  const counts = new Float64Array(ROWS * COLUMNS);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * ROWS) / height);
    for (let x = 0; x < width; x++) {
      const cell = row * COLUMNS + Math.floor((x * COLUMNS) / width);
      const at = (y * width + x) * 3;
      sums[cell]! += 0.299 * pixels[at]! + 0.587 * pixels[at + 1]! + 0.114 * pixels[at + 2]!;
      counts[cell]! += 1;
    }
  }
  const hash = new Uint8Array(HASH_BYTES);
  for (let row = 0; row < ROWS; row++) {
    for (let column = 0; column < ROWS; column++) {
      const cell = row * COLUMNS + column;
      const [here, right] = [cell, cell + 1].map((c) => sums[c]! / Math.max(1, counts[c]!)) as [
        number,
        number,
      ];
      if (here < right) hash[row]! |= 1 << column;
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

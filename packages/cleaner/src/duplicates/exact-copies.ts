import { HASH_BYTES } from './difference-hash.ts';

/*
 * Which images are the same bytes as an earlier one. The same bytes look the same to the perceptual hash, so only digests of images with
 * one hash are compared; however many copies there are, it takes no more than sorting.
 */

/**
 * @param hashes [N, 8], a perceptual hash each.
 * @param digest Of an image's bytes.
 * @returns For every image the first one with the same bytes: itself, where there is none before it.
 */
export function firstCopies(hashes: Uint8Array, digest: (image: number) => string): Int32Array {
  const images = hashes.length / HASH_BYTES;
  const halves = new Uint32Array(hashes.slice().buffer);
  const compare = (a: number, b: number): number =>
    halves[2 * a]! - halves[2 * b]! || halves[2 * a + 1]! - halves[2 * b + 1]!;
  const first = Int32Array.from({ length: images }, (_, i) => i);
  const byHash = first.toSorted((a, b) => compare(a, b) || a - b);
  for (let start = 0; start < images; ) {
    let end = start + 1;
    while (end < images && compare(byHash[start]!, byHash[end]!) === 0) end++;
    const firstOf = new Map<string, number>();
    for (let i = start; end - start > 1 && i < end; i++) {
      const image = byHash[i]!;
      const bytes = digest(image);
      first[image] = firstOf.get(bytes) ?? image;
      if (first[image] === image) firstOf.set(bytes, image);
    }
    start = end;
  }
  return first;
}

import { robustNormalInPlace } from '../auto/median.ts';
import { CleanerError } from '../cleaner-error.ts';
import { type Embeddings, embeddingRows, inverseNorms } from '../embedding-rows.ts';
import type { Identity } from '../identity.ts';
import { seededRandom } from '../seeded-random.ts';
import { HASH_BYTES, hashDistance } from './difference-hash.ts';
import { firstCopies } from './exact-copies.ts';

/*
 * Images that are one photo twice: the same bytes, or nearly the same look to a perceptual hash, or nearly the same embedding under one
 * label. How close two photos come by chance is seen in this very data, which gives each pair a probability.
 */

export interface DuplicateInput {
  /** [N, 8], a perceptual hash each: `differenceHash`. */
  readonly hashes: Uint8Array;
  /** Images under each label. */
  readonly identities: readonly Identity[];
  /** [N, D], or rows to be read; without them only the hashes are compared. */
  readonly embeddings?: Embeddings | undefined;
  readonly dimensions?: number | undefined;
  /** A digest of each image's bytes; equal ones are the same photo for certain. */
  readonly digest?: ((image: number) => string) | undefined;
}

export interface DuplicatePair {
  /** Two images, the earlier one first. */
  readonly images: readonly [number, number];
  /** Bits of 64 that the perceptual hashes differ in. */
  readonly hashDistance: number;
  readonly cosine?: number;
  /** The bytes are the same. */
  readonly identical: boolean;
  readonly probability: number;
}

/** Hashes that differ in at most so many bits share one of four bands of 16 bits, by which they are found. */
const CLOSE_BITS = 3;
/** Of images that share a band, and otherwise differ in more bits than this, embeddings are not looked at: there are too many. */
const LOOKED_AT_BITS = 12;
/** Of one identity, pairs of embeddings above this are looked at. */
const CLOSE_COSINE = 0.97;
const LEAST_PROBABILITY = 0.5;
/** Before anything is known, one image in a hundred is taken to be there twice. */
const PRIOR = 0.01;
const SAMPLED_PAIRS = 100_000;
/** A band that more images than this share says nothing about them (blank images); an identity of more is not compared pair by pair. */
const LARGEST_BUCKET = 2000;
/** Of a burst of photos that are all alike, pairs are left out whose images both have so many others. */
const MOST_PAIRS_OF_AN_IMAGE = 20;

/**
 * Near-duplicates, the surest first. Of images that are the same bytes each is paired with the first of them, and that one stands for all:
 * they are looked for among the others once. The number of pairs is bounded by that of images.
 *
 * @throws {CleanerError} `shape-mismatch`.
 */
export function findNearDuplicates(input: DuplicateInput): DuplicatePair[] {
  const { hashes, identities, embeddings, dimensions = 0, digest } = input;
  const n = hashes.length / HASH_BYTES;
  const cosineOf = embeddings ? cosines(embeddings, dimensions, n) : () => Number.NaN;
  const chance = chanceOfCloseness(input, cosineOf, n);
  const first = digest && firstCopies(hashes, digest);
  const isCopy = (image: number): boolean => first !== undefined && first[image] !== image;
  const found = new Map<number, DuplicatePair>();
  const pairsOf = new Int32Array(n);
  const consider = (one: number, other: number, mostBits: number): void => {
    const [a, b] = one < other ? [one, other] : [other, one];
    const distance = hashDistance(hashes, a, b);
    const id = a * n + b;
    if (a === b || distance > mostBits || found.has(id)) return;
    if (Math.min(pairsOf[a]!, pairsOf[b]!) >= MOST_PAIRS_OF_AN_IMAGE) return;
    const cosine = cosineOf(a, b);
    if (distance > CLOSE_BITS && !(cosine > CLOSE_COSINE)) return;
    const probability = PRIOR / (PRIOR + chance(distance, cosine));
    if (probability < LEAST_PROBABILITY) return;
    pairsOf[a]! += 1;
    pairsOf[b]! += 1;
    found.set(id, {
      images: [a, b],
      hashDistance: distance,
      ...known(cosine),
      identical: false,
      probability,
    });
  };
  for (let band = 0; band < 4; band++) {
    const buckets = new Map<number, number[]>();
    for (let i = 0; i < n; i++) {
      if (isCopy(i)) continue;
      const at = i * HASH_BYTES + 2 * band;
      const value = hashes[at]! | (hashes[at + 1]! << 8);
      const bucket = buckets.get(value);
      if (bucket) bucket.push(i);
      else buckets.set(value, [i]);
    }
    for (const bucket of buckets.values()) forPairs(bucket, (a, b) => consider(a, b, LOOKED_AT_BITS));
  }
  if (embeddings) {
    for (const { images } of identities) {
      const originals = images.filter((image) => !isCopy(image));
      forPairs(originals, (a, b) => consider(a, b, 8 * HASH_BYTES));
    }
  }
  const copies: DuplicatePair[] = [];
  first?.forEach((original, copy) => {
    if (original === copy) return;
    const cosine = known(cosineOf(original, copy));
    copies.push({ images: [original, copy], hashDistance: 0, ...cosine, identical: true, probability: 1 });
  });
  const inOrder = (x: DuplicatePair, y: DuplicatePair): number =>
    y.probability - x.probability || x.images[0] - y.images[0] || x.images[1] - y.images[1];
  return [...copies.sort(inOrder), ...[...found.values()].sort(inOrder)];
}

function known(cosine: number): { readonly cosine?: number } {
  return Number.isNaN(cosine) ? {} : { cosine };
}

/** Cosine of any two images. */
function cosines(
  embeddings: Embeddings,
  dimensions: number,
  images: number,
): (a: number, b: number) => number {
  const source = embeddingRows(embeddings, dimensions);
  if (source.rows !== images) {
    throw new CleanerError('shape-mismatch', `${images} hashes but ${source.rows} embeddings`);
  }
  const inverse = inverseNorms(embeddings, dimensions);
  const [first, second] = [new Float64Array(dimensions), new Float64Array(dimensions)];
  // Pairs come with one image standing still.
  let standing = -1;
  return (a, b) => {
    if (a !== standing) source.read(a, first);
    standing = a;
    source.read(b, second);
    let sum = 0;
    for (let d = 0; d < dimensions; d++) sum += first[d]! * second[d]!;
    return sum * inverse[a]! * inverse[b]!;
  };
}

function forPairs(images: ArrayLike<number>, visit: (a: number, b: number) => void): void {
  if (images.length > LARGEST_BUCKET) return;
  for (let i = 0; i < images.length; i++) {
    for (let j = i + 1; j < images.length; j++) visit(images[i]!, images[j]!);
  }
}

/** How many other photos of N come so close to a given one by chance, were closeness normally distributed. */
function chanceOfCloseness(
  { hashes, identities }: DuplicateInput,
  cosineOf: (a: number, b: number) => number,
  n: number,
): (distance: number, cosine: number) => number {
  const random = seededRandom(0);
  const several = identities.filter(({ images }) => images.length > 1);
  const distances: number[] = [];
  const cosines: number[] = [];
  const pairs = Math.min(SAMPLED_PAIRS, 20 * n);
  for (let i = 0; i < pairs && several.length > 0; i++) {
    const { images } = several[random.integer(several.length)]!;
    const a = random.integer(images.length);
    const b = (a + 1 + random.integer(images.length - 1)) % images.length;
    // Photos of one person: they are alike more than any two photos are.
    distances.push(hashDistance(hashes, images[a]!, images[b]!));
    cosines.push(cosineOf(images[a]!, images[b]!));
  }
  const hash = robustNormalInPlace(Float64Array.from(distances));
  const cosine = robustNormalInPlace(Float64Array.from(cosines));
  return (distance, value) => {
    const byHash =
      distances.length === 0 ? 1 : lowerTail((distance + 0.5 - hash.median) / Math.max(hash.deviation, 2));
    const byCosine =
      Number.isNaN(value) || cosines.length === 0
        ? 1
        : lowerTail((cosine.median - value) / Math.max(cosine.deviation, 0.02));
    return n * byHash * byCosine;
  };
}

/** Share of a normal distribution below z, by an approximation that is good to a few per cent down to tiny tails. */
function lowerTail(z: number): number {
  if (z >= 0) return 1 - lowerTail(-Math.max(z, 1e-12));
  const x = -z;
  return (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * (2 / (x + Math.sqrt(x * x + 8 / Math.PI)));
}

import { CleanerError } from './cleaner-error.ts';
import { type Identity, identitiesFromLabels } from './identity.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';

/*
 * Label noise with a known truth, for measuring what a cleaner finds.
 *
 * The result is an assignment, not images: every output image says which input image (or which outsider) it shows and under which
 * label, so that the same noise can be applied to records, folders or embeddings.
 */

export type NoiseKind =
  /** Images are replaced by people who are none of the identities. */
  | 'open'
  /** Images get the label of another identity, any of them. */
  | 'closed'
  /** Half of each. */
  | 'mixed'
  /** Half of each, and hardly any identity has the average rate: most have next to none, some are nearly all noise. */
  | 'uneven'
  /** All the swapped images of one identity go to one other. */
  | 'pairs'
  /** Folders of two identities are joined; the smaller part is bad. `rate` is its share of the joined folder. */
  | 'merge';

export interface NoiseOptions {
  readonly kind: NoiseKind;
  /** Share of images that become bad, 0..1; for `merge` the minority's share of a joined folder, over 0 and up to .5. */
  readonly rate: number;
  /** Default 0. */
  readonly seed?: number;
  /** How many images of outsiders there are to show (`open`, and half of `mixed` and `uneven`). Default 0. */
  readonly outsiders?: number;
  /** `merge` only: how many folders are made of two. Default 25, or as many as there are pairs. */
  readonly merges?: number;
}

/** One entry for every output image. */
export interface NoisyLabels {
  /** The input image it shows, or -1 where it shows an outsider. */
  readonly image: Int32Array;
  /** The outsider it shows, 0..outsiders-1, or -1. */
  readonly outsider: Int32Array;
  /** The label it is given. Labels are those of the input, without the identities that `merge` swallowed. */
  readonly label: Int32Array;
  /** The label it should have, -1 where that is none of them. */
  readonly trueLabel: Int32Array;
  /** 1 where label and true label differ. */
  readonly bad: Uint8Array;
}

/**
 * Spoils labels. Deterministic in the seed.
 *
 * @throws {CleanerError} `invalid-option` when the rate is out of range or there are too few outsiders or identities.
 */
export function injectNoise(labels: ArrayLike<number>, options: NoiseOptions): NoisyLabels {
  const { kind, rate, seed = 0 } = options;
  if (!(rate >= 0 && rate <= 1))
    throw new CleanerError('invalid-option', `rate must be from 0 to 1, found ${rate}`);
  const random = seededRandom(seed);
  if (kind === 'merge') return mergeFolders(labels, options, random);
  const share: number | undefined = {
    open: 1,
    closed: 0,
    mixed: 0.5,
    uneven: 0.5,
    pairs: 0,
  }[kind];
  if (share === undefined)
    throw new CleanerError('invalid-option', `unknown kind of noise ${JSON.stringify(kind)}`);
  return replaceAndSwap(labels, options, share, random);
}

function replaceAndSwap(
  labels: ArrayLike<number>,
  { kind, rate, outsiders = 0 }: NoiseOptions,
  outsiderShare: number,
  random: SeededRandom,
): NoisyLabels {
  const identities = identitiesFromLabels(labels);
  const n = labels.length;
  const bad = Math.floor(n * rate);
  const replaced = Math.floor(bad * outsiderShare);
  if (replaced > outsiders) {
    throw new CleanerError(
      'invalid-option',
      `${kind} noise at rate ${rate} needs ${replaced} images of outsiders, found ${outsiders}`,
    );
  }
  if (bad > replaced && identities.length < 2) {
    throw new CleanerError(
      'invalid-option',
      `${kind} noise needs at least 2 identities, found ${identities.length}`,
    );
  }
  const positionOf = new Map(identities.map(({ label }, position) => [label, position]));
  const partner = nextLargerIdentity(identities.map(({ images }) => images.length));

  const image = Int32Array.from({ length: n }, (_, i) => i);
  const outsider = new Int32Array(n).fill(-1);
  const label = Int32Array.from(labels);
  const trueLabel = Int32Array.from(labels);
  const chosen =
    kind === 'uneven'
      ? unevenChoice({ identities, images: n, bad, rate }, random)
      : random.permutation(n).subarray(0, bad);
  const strangers = random.permutation(outsiders);
  chosen.forEach((i, order) => {
    if (order < replaced) {
      image[i] = -1;
      outsider[i] = strangers[order]!;
      trueLabel[i] = -1;
      return;
    }
    const own = positionOf.get(labels[i]!)!;
    const other =
      kind === 'pairs'
        ? partner[own]!
        : (own + 1 + random.integer(identities.length - 1)) % identities.length;
    label[i] = identities[other]!.label;
  });
  return { image, outsider, label, trueLabel, bad: differing(label, trueLabel) };
}

/** Both parameters of the Beta distribution of an identity's rate are small: U-shaped. */
const UNEVENNESS = 0.4;

/**
 * Images without replacement, each with a chance in proportion to its identity's rate, which is drawn from a Beta distribution with
 * the wanted mean. In random order.
 */
function unevenChoice(
  {
    identities,
    images,
    bad,
    rate,
  }: { identities: readonly Identity[]; images: number; bad: number; rate: number },
  random: SeededRandom,
): Int32Array {
  if (bad === 0) return new Int32Array(0);
  // Exponential clocks: those that ring first are a weighted sample (Efraimidis and Spirakis).
  const ring = new Float64Array(images);
  for (const { images: own } of identities) {
    const a = gamma(UNEVENNESS, random);
    const b = rate === 1 ? 0 : gamma((UNEVENNESS * (1 - rate)) / rate, random);
    const weight = a / (a + b) + 1e-9;
    for (const image of own) ring[image] = -Math.log(1 - random.uniform()) / weight;
  }
  const first = Int32Array.from(ring.keys())
    .sort((a, b) => ring[a]! - ring[b]! || a - b)
    .subarray(0, bad);
  return random.permutation(bad).map((i) => first[i]!);
}

/** A gamma variate with scale 1 (Marsaglia and Tsang, with their boost for shapes below 1). */
function gamma(shape: number, random: SeededRandom): number {
  if (shape < 1) return gamma(shape + 1, random) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
    const v = (1 + c * normal) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < normal ** 2 / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}

/** Every identity's partner is the next larger one, so that pairs are of like size; the largest one's is the smallest. */
function nextLargerIdentity(sizes: readonly number[]): Int32Array {
  const bySize = sizes.map((_, position) => position).sort((a, b) => sizes[a]! - sizes[b]! || a - b);
  const next = new Int32Array(sizes.length);
  bySize.forEach((position, rank) => {
    next[position] = bySize[(rank + 1) % bySize.length]!;
  });
  return next;
}

/** The identities that are joined have neither so few images that there is no second person nor so many that they rule the set. */
const MERGED_SIZE = { least: 10, most: 80 };

function mergeFolders(
  labels: ArrayLike<number>,
  { rate, merges }: NoiseOptions,
  random: SeededRandom,
): NoisyLabels {
  if (!(rate > 0 && rate <= 0.5)) {
    throw new CleanerError('invalid-option', `rate must be over 0 and at most .5 for merges, found ${rate}`);
  }
  const identities = identitiesFromLabels(labels);
  const eligible = identities.filter(
    ({ images }) => images.length >= MERGED_SIZE.least && images.length <= MERGED_SIZE.most,
  );
  const available = Math.floor(eligible.length / 2);
  const wanted = merges ?? Math.min(25, available);
  if (wanted < 1 || wanted > available) {
    throw new CleanerError(
      'invalid-option',
      `merging ${wanted} pairs needs ${2 * Math.max(1, wanted)} identities of ${MERGED_SIZE.least} to ${MERGED_SIZE.most} images, ` +
        `found ${eligible.length}`,
    );
  }
  const given = Int32Array.from(labels);
  const truth = Int32Array.from(labels);
  const gone = new Set<number>();
  const order = random.permutation(eligible.length);
  for (let pair = 0; pair < wanted; pair++) {
    const two = [eligible[order[2 * pair]!]!, eligible[order[2 * pair + 1]!]!];
    two.sort((a, b) => b.images.length - a.images.length);
    const [major, minor] = two as [(typeof two)[0], (typeof two)[0]];
    let majority = major.images.length;
    // Somebody's folder is not joined to another without leaving an image there.
    let minority = Math.max(1, Math.round((majority * rate) / (1 - rate)));
    if (minority > minor.images.length) {
      minority = minor.images.length;
      majority = Math.round((minority * (1 - rate)) / rate);
    }
    const second = shuffled(minor.images, random);
    for (const image of shuffled(major.images, random).subarray(majority)) gone.add(image);
    for (const image of second.subarray(minority)) gone.add(image);
    for (const image of second.subarray(0, minority)) {
      given[image] = major.label;
      truth[image] = -1;
    }
  }
  const image = Int32Array.from({ length: labels.length }, (_, i) => i).filter((i) => !gone.has(i));
  const label = image.map((i) => given[i]!);
  const trueLabel = image.map((i) => truth[i]!);
  return {
    image,
    outsider: new Int32Array(image.length).fill(-1),
    label,
    trueLabel,
    bad: differing(label, trueLabel),
  };
}

function differing(label: Int32Array, trueLabel: Int32Array): Uint8Array {
  return Uint8Array.from(label, (given, i) => Number(given !== trueLabel[i]));
}

function shuffled(images: Int32Array, random: SeededRandom): Int32Array {
  return random.permutation(images.length).map((i) => images[i]!);
}

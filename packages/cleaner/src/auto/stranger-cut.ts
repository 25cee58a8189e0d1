/*
 * A cut from known strangers. How like its own identity an image is says little by itself; how like an identity the images are that
 * are certainly *not* its own is known, however, from all the other identities. If images under wrong labels lie as those strangers
 * do, two numbers follow without anybody's choosing: the share of them, from how many images are below the strangers' median (half of
 * the wrong ones, and hardly a right one), and for every cut how many of the images below it are wrong. The cut is the one with the
 * highest expected F1.
 *
 * The share is read off twice and the smaller one believed: off the likeness, where swapped images lie lower than strangers do and are
 * counted too often, and off the score against the own identity alone, where more right images lie low.
 *
 * This holds up on networks that were trained on the very labels, too, as long as they have not learned the wrong ones by heart: an image
 * is measured against its identity without itself, and the group of wrong labels is where the strangers are. The posterior of the
 * automatic rule, made for embeddings with a gap between the groups, is too careful where they overlap.
 */

export interface StrangerCut {
  /** Images less like their identity than this are taken for wrong; none where it is -Infinity. */
  readonly cut: number;
  /** Estimated share of wrong labels, 0..1. */
  readonly share: number;
  /** Of every image the probability that its label is wrong, by its likeness alone. */
  readonly pBad: Float64Array;
}

/** Below it is half of the strangers. */
const MEDIAN = 0.5;
/** More than this part of what is dropped must be expected to be wrong. */
const LEAST_PRECISION = 0.5;
/** Images on either side that a local probability is taken from, and as a share of all. */
const NEIGHBOURS = { least: 12, share: 0.01 };

/** What images have, and what strangers have, in the same units; NaN where there is no evidence. */
export interface StrangerComparison {
  readonly images: Float64Array;
  readonly strangers: Float64Array;
}

/**
 * @param likeness how like its own identity each image is, without itself, rather than another
 * @param own the same without regard to others
 */
export function strangerCut(
  { images: likeness, strangers }: StrangerComparison,
  own: StrangerComparison,
): StrangerCut {
  const known = ascending(strangers);
  const judged = Int32Array.from(likeness.keys())
    .filter((i) => Number.isFinite(likeness[i]))
    .sort((a, b) => likeness[a]! - likeness[b]!);
  const n = judged.length;
  const pBad = new Float64Array(likeness.length);
  if (n === 0 || known.length === 0) return { cut: Number.NEGATIVE_INFINITY, share: 0, pBad };
  const sorted = Float64Array.from(judged, (i) => likeness[i]!);
  const ofOwn = shareOfStrangers(ascending(own.images), ascending(own.strangers));
  const share = Math.min(ofOwn, shareOfStrangers(sorted, known));
  const below = sorted.map((value) => countBelow(known, value) / known.length);

  let cut = Number.NEGATIVE_INFINITY;
  let best = 0;
  for (let count = 1; count < n; count++) {
    const wrong = Math.min(count, n * share * below[count]!);
    const f1 = (2 * wrong) / (count + n * share);
    if (wrong < LEAST_PRECISION * count || f1 <= best) continue;
    best = f1;
    cut = sorted[count]!;
  }

  const reach = Math.max(NEIGHBOURS.least, Math.round(NEIGHBOURS.share * n));
  let most = 0;
  for (let place = n - 1; place >= 0; place--) {
    const [from, to] = [Math.max(0, place - reach), Math.min(n - 1, place + reach)];
    const wrong = n * share * (below[to]! - (from === 0 ? 0 : below[from]!));
    // Never less likely than for an image that is more like its identity.
    most = Math.max(most, Math.min(1, wrong / (to - from + 1)));
    pBad[judged[place]!] = most;
  }
  return { cut, share, pBad };
}

/** Twice the images below the strangers' median. */
function shareOfStrangers(images: Float64Array, strangers: Float64Array): number {
  if (images.length === 0 || strangers.length === 0) return 0;
  const median = strangers[Math.floor(MEDIAN * (strangers.length - 1))]!;
  return Math.min(1, countBelow(images, median) / MEDIAN / images.length);
}

function ascending(values: Float64Array): Float64Array {
  return values.filter((value) => Number.isFinite(value)).sort();
}

/** How many of ascending values are below one. */
function countBelow(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

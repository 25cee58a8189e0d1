/*
 * The share of bad images, read off the scores below the null median: half of all strangers are there, and hardly anybody else. By size
 * of the identity, since swapped images come to small identities as often as to large ones and weigh more there.
 */

/** Identities of so many images, or more, are looked at together. */
const SIZES = [2, 3, 4, 6, 10];
/** Images of the whole dataset that stand beside those of one size. */
const SHARED = 50;

/**
 * @param own Scores; those that are not finite have no own evidence.
 * @param size Number of images of each image's identity.
 * @returns The share that holds for each image.
 */
export function badShares(own: Float64Array, size: Int32Array, nullMedian: number): Float64Array {
  const groupOf = size.map((images) =>
    Math.max(
      0,
      SIZES.findLastIndex((least) => images >= least),
    ),
  );
  const judged = new Int32Array(SIZES.length);
  const below = new Int32Array(SIZES.length);
  own.forEach((score, i) => {
    if (!Number.isFinite(score)) return;
    judged[groupOf[i]!]! += 1;
    if (score < nullMedian) below[groupOf[i]!]! += 1;
  });
  const sum = (counts: Int32Array): number => counts.reduce((all, each) => all + each, 0);
  const overall = (2 * sum(below) + 0.5) / (sum(judged) + 1);
  const shares = SIZES.map((images, group) => {
    const unlike = (2 * below[group]! + SHARED * overall) / (judged[group]! + SHARED);
    return Math.min(0.95, Math.max(1e-4, shareOfUnlike(Math.min(1, unlike), images)));
  });
  return Float64Array.from(groupOf, (group) => shares[group]!);
}

/**
 * An image is unlike the rest of its identity when it is bad, and also when it is right and all others are bad.
 *
 * @returns The share p of bad images for which p + (1 - p) p^(images - 1) are unlike.
 */
function shareOfUnlike(unlike: number, images: number): number {
  let [low, high] = [0, 1];
  for (let halving = 0; halving < 40; halving++) {
    const p = (low + high) / 2;
    if (p + (1 - p) * p ** (images - 1) < unlike) low = p;
    else high = p;
  }
  return (low + high) / 2;
}

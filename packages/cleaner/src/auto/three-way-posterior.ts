import { badShares } from './bad-share.ts';
import { GRID, gridIndex, gridPoints, kernelDensity } from './kernel-density.ts';
import { medianInPlace } from './median.ts';
import type { NullScores } from './null-scores.ts';

/*
 * Is an image what its label says, an outsider, or another identity's? Three hypotheses about its two scores, the one against its own
 * identity and the best one against any other:
 *
 *   clean      own ~ g, other ~ m
 *   outsider   own ~ i, other ~ m
 *   elsewhere  own ~ i, other ~ g
 *
 * i: how strangers score, a normal around the null median;
 * m: how the best of many strangers scores, a Gumbel distribution fitted to clean images;
 * g: how one's own identity scores, a kernel density of the images as far as they are clean.
 *
 * The share of bad images is read off once (`badShares`) and then held: letting an EM update it collapses on folders that hold two people. Only its split into
 * outsiders and elsewhere, and g, are iterated.
 */

const ITERATIONS = 100;
const CONVERGED = 1e-3;
/** The null is taken a little wider than it is. */
const NULL_WIDENING = 1.05;
/** Part of g that is uniform over the grid. */
const UNIFORM_FLOOR = 0.001;
/** Evidence for "elsewhere" stays constant beyond this quantile of g. */
const TRUSTED_QUANTILE = 0.99;
/** For a Gumbel distribution: MAD = .767 * scale, median = location + .3665 * scale. */
const GUMBEL_MAD = 0.767;
const GUMBEL_MEDIAN = 0.3665;
/** Fewer clean images than this do not carry a fit of their own. */
const CLEAN_FOR_GUMBEL = 20;

export interface ThreeWayPosterior {
  readonly pClean: Float64Array;
  readonly pOutsider: Float64Array;
  readonly pElsewhere: Float64Array;
  /** Probability of being bad, had the image's own identity not been looked at. */
  readonly pBadAlone: Float64Array;
}

/** How good the centre is that an image's own score is measured against. */
export interface OwnEvidence {
  /** What a right image's score is multiplied by because the centre is the mean of few: 0..1, one an image. */
  readonly attenuation: Float64Array;
  /** Probability that no other image of the identity is right, so that its centre is a stranger's: one an image. */
  readonly doubt: Float64Array;
  /** Number of images of the identity: one an image. */
  readonly size: Int32Array;
}

export function threeWayPosterior(
  { own, best, nullNormal }: Pick<NullScores, 'own' | 'best' | 'nullNormal'>,
  { attenuation, doubt, size }: OwnEvidence,
): ThreeWayPosterior {
  const n = own.length;
  const levelOf = Array.from(attenuation, nearestLevel);
  const used = new Set(levelOf.map((level) => LEVELS[level]!));
  const judged = Int32Array.from(own.keys()).filter((i) => Number.isFinite(own[i]));
  const ownBin = own.map((s) => gridIndex(Number.isFinite(s) ? s : 0));
  const asOfManyBin = own.map((s, i) => gridIndex(Number.isFinite(s) ? s / attenuation[i]! : 0));
  const otherBin = best.map(gridIndex);
  const judgedBins = Int32Array.from(judged, (i) => asOfManyBin[i]!);

  // With a handful of images all null scores can be equal; a density then still needs a width.
  const median = nullNormal.median;
  const deviation = Math.max(nullNormal.deviation, GRID.step);
  const logNull = gridPoints.map((s) => logNormal(s, median, deviation * NULL_WIDENING));
  const badShare = badShares(own, size, median);
  let outsiderPart = 0.5;
  let clean = own.map((s) =>
    Number.isFinite(s) ? 1 / (1 + Math.exp(-2 * (s - median - 3 * deviation))) : 0,
  );
  const pClean = new Float64Array(n);
  const pOutsider = new Float64Array(n);
  const pElsewhere = new Float64Array(n);
  const pBadAlone = new Float64Array(n);
  const ofCentre = new Float64Array(n);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const density = kernelDensity(
      judgedBins,
      Float64Array.from(judged, (i) => clean[i]! + 1e-9),
    ).map((g) => (1 - UNIFORM_FLOOR) * g + UNIFORM_FLOOR / ((GRID.length - 1) * GRID.step));
    const logOwn = density.map(Math.log);
    const againstOwn = LEVELS.map((level) =>
      used.has(level) ? fallingRatio(logNull, attenuated(logOwn, level)) : undefined,
    );
    const forOther = risingRatio(logOwn, logGumbel(best, clean), density);
    for (let i = 0; i < n; i++) {
      // A right image beside a stranger's centre scores as a stranger does. In logarithms: odds underflow where embeddings are nearly alike.
      const logCentred = Math.log(1 - doubt[i]!);
      const logOdds = Number.isFinite(own[i]) ? againstOwn[levelOf[i]!]![ownBin[i]!]! : 0;
      const logEither = logSum(logCentred, Math.log(doubt[i]!) + logOdds);
      const a = logOdds - logEither;
      ofCentre[i] = Number.isFinite(own[i]) ? Math.exp(logCentred - logEither) : 0;
      const b = forOther[otherBin[i]!]!;
      const share = badShare[i]!;
      const outsider = share * outsiderPart;
      const elsewhere = share - outsider;
      const bad = outsider + elsewhere * Math.exp(Math.min(b, 50));
      pBadAlone[i] = bad / (1 - share + bad);
      const logs = [
        Math.log(1 - share + 1e-12),
        Math.log(outsider + 1e-12) + a,
        Math.log(elsewhere + 1e-12) + a + b,
      ] as const;
      const top = Math.max(...logs);
      const [c, o, e] = [Math.exp(logs[0] - top), Math.exp(logs[1] - top), Math.exp(logs[2] - top)] as const;
      pClean[i] = c / (c + o + e);
      pOutsider[i] = o / (c + o + e);
      pElsewhere[i] = e / (c + o + e);
    }
    const outsiders = Math.max(1e-6, mean(pOutsider, judged));
    const elsewheres = Math.max(1e-6, mean(pElsewhere, judged));
    outsiderPart = outsiders / (outsiders + elsewheres);
    // Right images beside a stranger's centre say nothing of how right images score.
    const updated = pClean.map((p, i) => p * ofCentre[i]!);
    const change = updated.reduce((most, p, i) => Math.max(most, Math.abs(p - clean[i]!)), 0);
    if (change < CONVERGED) break;
    clean = updated;
  }
  return { pClean, pOutsider, pElsewhere, pBadAlone };
}

/** Attenuations for which the density of own scores is worked out. */
const LEVELS = [0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1];

function nearestLevel(attenuation: number): number {
  let nearest = 0;
  LEVELS.forEach((level, l) => {
    if (Math.abs(level - attenuation) < Math.abs(LEVELS[nearest]! - attenuation)) nearest = l;
  });
  return nearest;
}

/** Where on the grid the scores are that a factor takes to its points. */
const POINTS_BEFORE = new Map(
  LEVELS.map((level) => [level, Int32Array.from(gridPoints, (s) => gridIndex(s / level))] as const),
);

/** The log density of own scores when all are multiplied by a factor, one of the levels. */
function attenuated(logOwn: Float64Array, factor: number): Float64Array {
  const logFactor = Math.log(factor);
  return Float64Array.from(POINTS_BEFORE.get(factor)!, (point) => logOwn[point]! - logFactor);
}

/** log(null / own), made never to rise with the score: a better own score never speaks more for a stranger. */
function fallingRatio(logNull: Float64Array, logOwn: Float64Array): Float64Array {
  const ratio = logNull.map((v, i) => v - logOwn[i]!);
  for (let i = ratio.length - 2; i >= 0; i--) ratio[i] = Math.max(ratio[i]!, ratio[i + 1]!);
  return ratio;
}

/** log(own / Gumbel), made never to fall with the score, and held where g has no images left to speak of. */
function risingRatio(logOwn: Float64Array, logOther: Float64Array, density: Float64Array): Float64Array {
  const ratio = logOwn.map((v, i) => v - logOther[i]!);
  const total = density.reduce((sum, v) => sum + v, 0);
  let last = 0;
  for (
    let sum = density[0]!;
    sum < TRUSTED_QUANTILE * total && last < ratio.length - 1;
    sum += density[++last]!
  );
  ratio.fill(ratio[last]!, last);
  for (let i = ratio.length - 2; i >= 0; i--) ratio[i] = Math.min(ratio[i]!, ratio[i + 1]!);
  return ratio;
}

/** Log density of a Gumbel distribution fitted, by median and MAD, to the best other scores of clean images. */
function logGumbel(best: Float64Array, clean: Float64Array): Float64Array {
  const ofClean = best.filter((_, i) => clean[i]! > 0.5);
  const scores = ofClean.length > CLEAN_FOR_GUMBEL ? ofClean : Float64Array.from(best);
  const median = medianInPlace(scores);
  for (let i = 0; i < scores.length; i++) scores[i] = Math.abs(scores[i]! - median);
  const scale = medianInPlace(scores) / GUMBEL_MAD + 1e-6;
  const location = median - GUMBEL_MEDIAN * scale;
  return gridPoints.map((s) => {
    const z = (s - location) / scale;
    return -z - Math.exp(Math.min(50, Math.max(-50, -z))) - Math.log(scale);
  });
}

/** log(exp(a) + exp(b)), also where one of them is the logarithm of zero. */
function logSum(a: number, b: number): number {
  const top = Math.max(a, b);
  return top + Math.log(Math.exp(a - top) + Math.exp(b - top));
}

function logNormal(x: number, mu: number, sigma: number): number {
  return -0.5 * ((x - mu) / sigma) ** 2 - Math.log(sigma * Math.sqrt(2 * Math.PI));
}

function mean(values: Float64Array, at: Int32Array): number {
  return at.reduce((sum, i) => sum + values[i]!, 0) / Math.max(1, at.length);
}

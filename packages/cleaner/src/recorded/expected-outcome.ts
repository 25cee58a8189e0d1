import { CleanerError } from '../cleaner-error.ts';
import { degreesOf } from '../score.ts';
import type { AuditColumns } from './audit-columns.ts';

/*
 * What a threshold on the angle may be expected to do, where nobody knows the truth: how many of the images that it drops are bad,
 * and how many of the bad ones it finds. Angles are counted in bins with the bad images that each is expected to hold, so that a
 * threshold can be moved over ten million images without looking at them again.
 *
 * Which images are bad is taken from the probabilities of the automatic rule, where the audit has them. Where it has none, from the
 * shape of the histogram: images of the person lie in one hump and strangers in another, near 90 degrees. That is rough, and says so.
 */

/** Angles to the dominant sub-centre in bins, and what they tell. */
export interface AngleEvidence {
  /** Bin i holds angles in [i, i + 1) * binDegrees; the last one is closed. */
  readonly binDegrees: number;
  readonly count: Int32Array;
  /** Bad images that each bin is expected to hold. Undefined where nothing can be said. */
  readonly bad: Float64Array | undefined;
  /** Where `bad` comes from. */
  readonly source: 'probabilities' | 'shape' | 'none';
}

/** What may be expected of dropping all images at a threshold or more. */
export interface ExpectedOutcome {
  readonly kept: number;
  readonly dropped: number;
  /** Share of the dropped images that are bad. Null where nothing is dropped or nothing can be said; the same below. */
  readonly precision: number | null;
  /** Share of the bad images that are dropped. */
  readonly recall: number | null;
  readonly f1: number | null;
}

/**
 * Counts the angles of an audit.
 *
 * @param options.binDegrees Width of a bin, 0.1 to 10. Thresholds are exact at the bins' borders. Default 0.5.
 * @throws {CleanerError} `invalid-option`.
 */
export function angleEvidence(
  { images, cosine, pClean }: Pick<AuditColumns, 'images' | 'cosine' | 'pClean'>,
  options: { binDegrees?: number } = {},
): AngleEvidence {
  const { binDegrees = 0.5 } = options;
  if (!(binDegrees >= 0.1 && binDegrees <= 10)) {
    throw new CleanerError('invalid-option', `binDegrees must be from 0.1 to 10, found ${binDegrees}`);
  }
  const bins = Math.ceil(180 / binDegrees);
  const count = new Int32Array(bins);
  const bad = new Float64Array(bins);
  let judged = 0;
  for (let i = 0; i < images; i++) {
    if (Number.isNaN(cosine[i]!)) continue;
    // Rows hold angles to a millionth of a degree; one at a border belongs to the bin that begins there.
    const bin = Math.min(bins - 1, Math.floor(degreesOf(cosine[i]!) / binDegrees + 1e-7));
    count[bin]! += 1;
    const p = pClean?.[i] ?? Number.NaN;
    if (Number.isNaN(p)) continue;
    bad[bin]! += 1 - p;
    judged += 1;
  }
  if (judged > 0) return { binDegrees, count, bad, source: 'probabilities' };
  const share = strangersByShape(count, binDegrees);
  if (share === undefined) return { binDegrees, count, bad: undefined, source: 'none' };
  return { binDegrees, count, bad: share.map((p, bin) => p * count[bin]!), source: 'shape' };
}

/** What may be expected of a threshold, in degrees; it is moved to the nearest border of a bin. */
export function expectedOutcome({ binDegrees, count, bad }: AngleEvidence, degrees: number): ExpectedOutcome {
  const first = Math.round(degrees / binDegrees);
  let [kept, dropped, badKept, badDropped] = [0, 0, 0, 0];
  for (let bin = 0; bin < count.length; bin++) {
    if (bin < first) {
      kept += count[bin]!;
      badKept += bad?.[bin] ?? 0;
    } else {
      dropped += count[bin]!;
      badDropped += bad?.[bin] ?? 0;
    }
  }
  if (bad === undefined) return { kept, dropped, precision: null, recall: null, f1: null };
  const share = (part: number, whole: number): number | null => (whole > 0 ? part / whole : null);
  return {
    kept,
    dropped,
    precision: share(badDropped, dropped),
    recall: share(badDropped, badKept + badDropped),
    f1: share(2 * badDropped, dropped + badKept + badDropped),
  };
}

/** The threshold with the largest expected F1, degrees; the smallest of equals. Undefined where nothing can be said. */
export function automaticAngle(evidence: AngleEvidence): number | undefined {
  let best: { degrees: number; f1: number } | undefined;
  for (let bin = 0; bin <= evidence.count.length; bin++) {
    const degrees = bin * evidence.binDegrees;
    const { f1 } = expectedOutcome(evidence, degrees);
    if (f1 !== null && f1 > (best?.f1 ?? 0)) best = { degrees, f1 };
  }
  return best?.degrees;
}

interface Hump {
  mean: number;
  deviation: number;
  share: number;
}

const ROUNDS = 400;
const CONVERGED = 1e-6;
/** Narrower humps than this, degrees, are an accident of few images. */
const LEAST_DEVIATION = 1.5;
/** Means of the two humps must lie this many deviations apart. Closer ones are one hump. */
const LEAST_SEPARATION = 2;
const LEAST_SHARE = 0.002;
const LEAST_IMAGES = 50;

/**
 * Two normal humps, fitted to the histogram by expectation and maximisation. The probability of the further one never falls as angles
 * grow.
 */
function strangersByShape(count: Int32Array, binDegrees: number): Float64Array | undefined {
  const total = count.reduce((sum, n) => sum + n, 0);
  if (total < LEAST_IMAGES) return undefined;
  const centre = (bin: number): number => (bin + 0.5) * binDegrees;
  const middle = quantile(count, total / 2) * binDegrees;
  let near: Hump = { mean: Math.min(middle, 60), deviation: 10, share: 0.7 };
  let far: Hump = { mean: 85, deviation: 8, share: 0.3 };
  const pFar = new Float64Array(count.length);
  for (let round = 0; round < ROUNDS; round++) {
    for (let bin = 0; bin < count.length; bin++) {
      const [a, b] = [density(near, centre(bin)), density(far, centre(bin))];
      pFar[bin] = a + b > 0 ? b / (a + b) : Number(centre(bin) > near.mean);
    }
    const before = near.mean + far.mean;
    near = fitted(count, (bin) => 1 - pFar[bin]!, centre, total);
    far = fitted(count, (bin) => pFar[bin]!, centre, total);
    if (near.share < LEAST_SHARE || far.share < LEAST_SHARE) return undefined;
    if (Math.abs(near.mean + far.mean - before) < CONVERGED) break;
  }
  const deviation = Math.sqrt((near.deviation ** 2 + far.deviation ** 2) / 2);
  if (far.mean - near.mean < LEAST_SEPARATION * deviation) return undefined;
  const single = fitted(count, () => 1, centre, total);
  const gain = logLikelihood(count, centre, [near, far]) - logLikelihood(count, centre, [single]);
  // The Bayesian information criterion: three more parameters must be worth it.
  if (2 * gain < 3 * Math.log(total)) return undefined;
  for (let bin = 0; bin < pFar.length; bin++) {
    if (centre(bin) <= near.mean) pFar[bin] = 0;
    else if (centre(bin) >= far.mean) pFar[bin] = 1;
    pFar[bin] = Math.max(pFar[bin]!, pFar[bin - 1] ?? 0);
  }
  return pFar;
}

function density({ mean, deviation, share }: Hump, x: number): number {
  return (share / deviation) * Math.exp(-((x - mean) ** 2) / (2 * deviation ** 2));
}

function logLikelihood(count: Int32Array, centre: (bin: number) => number, humps: readonly Hump[]): number {
  let sum = 0;
  for (let bin = 0; bin < count.length; bin++) {
    if (count[bin]! === 0) continue;
    const p = humps.reduce((total, hump) => total + density(hump, centre(bin)), 0);
    sum += count[bin]! * Math.log(Math.max(p, Number.MIN_VALUE));
  }
  return sum;
}

function fitted(
  count: Int32Array,
  weight: (bin: number) => number,
  centre: (bin: number) => number,
  total: number,
): Hump {
  let [mass, sum] = [0, 0];
  for (let bin = 0; bin < count.length; bin++) {
    mass += weight(bin) * count[bin]!;
    sum += weight(bin) * count[bin]! * centre(bin);
  }
  const mean = mass > 0 ? sum / mass : 0;
  let square = 0;
  for (let bin = 0; bin < count.length; bin++)
    square += weight(bin) * count[bin]! * (centre(bin) - mean) ** 2;
  return {
    mean,
    deviation: Math.max(LEAST_DEVIATION, Math.sqrt(square / Math.max(mass, 1e-9))),
    share: mass / total,
  };
}

function quantile(count: Int32Array, rank: number): number {
  let below = 0;
  for (let bin = 0; bin < count.length; bin++) {
    below += count[bin]!;
    if (below >= rank) return bin;
  }
  return count.length - 1;
}

/** Margins: the numbers between a cosine to the own class and its logit, and what becomes of them past pi. */
import { SubcenterLossError } from './subcenter-loss-error.ts';

/**
 * The margin of a normalised softmax. With theta the angle between an embedding and the centre of its own class, the
 * logit of that class is `s * (cos(m1 * theta + m2) - m3)`; the other logits are `s * cos(theta_j)`.
 *
 * One formula covers SphereFace-like (m1), ArcFace (m2) and CosFace (m3) margins and their combination: Deng et al.,
 * "ArcFace", arXiv 1801.07698v4, equation 4.
 */
export interface Margin {
  /** Multiplies the angle to the target. 1 is none. */
  readonly m1: number;
  /** Added to the angle to the target, radians. 0 is none. */
  readonly m2: number;
  /** Subtracted from the target's cosine. 0 is none. */
  readonly m3: number;
  /** Scale of every logit (the inverse temperature). */
  readonly s: number;
}

/** The margins of the literature, as the reference configures them. Spread one to change a value. */
export const margins = {
  /** Normalised softmax: cosines only, no margin. */
  normalisedSoftmax: { m1: 1, m2: 0, m3: 0, s: 64 },
  /** Additive angular margin, Deng et al. 2019. */
  arcface: { m1: 1, m2: 0.5, m3: 0, s: 64 },
  /** Additive cosine margin, Wang et al. 2018. */
  cosface: { m1: 1, m2: 0, m3: 0.35, s: 64 },
  /** Angular and cosine margin together (`combined` in the reference). */
  combined: { m1: 1, m2: 0.3, m3: 0.2, s: 64 },
  /** Multiplicative angular margin in the manner of SphereFace, Liu et al. 2017, folded back rather than piecewise. */
  sphereface: { m1: 1.35, m2: 0, m3: 0, s: 64 },
} as const satisfies Record<string, Margin>;

/**
 * What becomes of the margin where `m1 * theta + m2` passes pi, the angle at which the cosine turns up again.
 *
 * - `fold`: nothing; the logit rises again as the image moves further away. The reference, and the default.
 * - `easy`: the margin applies only where the cosine is positive; elsewhere the logit is `s * cos(theta)`. (The easy margin of
 *   the authors' first ArcFace code.)
 * - `linear`: past pi the logit goes on as `s * (cos(theta) - d * sin(d) - m3)`, with d the angle from there to the
 *   opposite pole: m2 where m1 is 1. It never turns up. (The same code without the easy margin; the GLDv2-winning solutions.)
 */
export type PastPi = 'fold' | 'easy' | 'linear';

const limits: Record<keyof Margin, readonly [number, number]> = {
  m1: [0, 100],
  m2: [-Math.PI, Math.PI],
  m3: [-10, 10],
  s: [1e-6, 1e6],
};

/**
 * Fills the gaps of a margin with ArcFace's values.
 *
 * @throws {SubcenterLossError} `invalid-option` when a number is not finite or outside what float32 logits can carry.
 */
export function resolveMargin(margin: Partial<Margin> = {}): Margin {
  const resolved: Margin = { ...margins.arcface, ...margin };
  for (const name of ['m1', 'm2', 'm3', 's'] as const) {
    const value: unknown = resolved[name];
    const [low, high] = limits[name];
    if (typeof value !== 'number' || !(value >= low && value <= high)) {
      throw new SubcenterLossError(
        'invalid-option',
        `margin.${name} must be a number from ${low} to ${high}, found ${String(value)}`,
      );
    }
  }
  return resolved;
}

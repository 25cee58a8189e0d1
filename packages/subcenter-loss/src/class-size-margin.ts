/** A margin for each class, by how many images it has. */
import { SubcenterLossError } from './subcenter-loss-error.ts';

/** Numbers of `classSizeMargins`; the defaults are those of the paper. */
export interface ClassSizeMarginOptions {
  /** Radians. Default .5. */
  readonly a?: number;
  /** Radians: the margin that very large classes approach. Default .05. */
  readonly b?: number;
  /** How fast the margin falls with the number of images. Default .25. */
  readonly lambda?: number;
}

/**
 * Margins by class size: `m2 = a * n^-lambda + b`. Small classes need a larger margin than large ones to end up equally
 * well separated.
 *
 * Source: Ha et al., "Google Landmark Recognition 2020 Competition Third Place Solution", arXiv 2010.05350, section 2.2
 * (dynamic margins); also in the solutions that won on GLDv2 afterwards.
 *
 * @param counts Images of each class, [C]. A class without images gets the margin of a class with one.
 * @returns Radians, [C]: the option `classMargins` of the heads.
 * @throws {SubcenterLossError} `invalid-option` for a count or a number that cannot be one.
 */
export function classSizeMargins(
  counts: ArrayLike<number>,
  options: ClassSizeMarginOptions = {},
): Float32Array {
  const { a = 0.5, b = 0.05, lambda = 0.25 } = options;
  for (const [name, value] of Object.entries({ a, b, lambda })) {
    if (!Number.isFinite(value)) {
      throw new SubcenterLossError('invalid-option', `${name} must be a finite number, found ${value}`);
    }
  }
  return Float32Array.from(counts, (count, c) => {
    if (!(count >= 0 && Number.isFinite(count))) {
      throw new SubcenterLossError(
        'invalid-option',
        `the number of images of class ${c} must be at least 0, found ${count}`,
      );
    }
    return a * Math.max(1, count) ** -lambda + b;
  });
}

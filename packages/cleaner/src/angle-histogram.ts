import { CleanerError } from './cleaner-error.ts';
import { type Audit, degreesOf } from './score.ts';

/** Counts of angles to the dominant sub-centre. Bin i holds angles in [i, i + 1) * binDegrees; the last one is closed. */
export interface AngleHistogram {
  readonly binDegrees: number;
  /** All images. */
  readonly all: Int32Array;
  /** Images nearest to the dominant sub-centre of their identity. */
  readonly dominant: Int32Array;
}

/**
 * Histogram of the angles from 0 to 180 degrees.
 *
 * @param options.binDegrees Width of a bin, .1..180. Default 1.
 * @throws {CleanerError} `invalid-option`.
 */
export function angleHistogram(audit: Audit, options: { binDegrees?: number } = {}): AngleHistogram {
  const { binDegrees = 1 } = options;
  if (!(binDegrees >= 0.1 && binDegrees <= 180)) {
    throw new CleanerError('invalid-option', `binDegrees must be from 0.1 to 180, found ${binDegrees}`);
  }
  const bins = Math.ceil(180 / binDegrees);
  const all = new Int32Array(bins);
  const dominant = new Int32Array(bins);
  for (let i = 0; i < audit.images; i++) {
    const bin = Math.min(bins - 1, Math.floor(degreesOf(audit.cosine[i]!) / binDegrees));
    all[bin]! += 1;
    if (audit.nearest[i] === audit.identities[audit.identityOf[i]!]!.dominant) dominant[bin]! += 1;
  }
  return { binDegrees, all, dominant };
}

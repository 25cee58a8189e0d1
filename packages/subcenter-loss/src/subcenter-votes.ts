import { checkLabels, checkPositiveInteger } from './head-shapes.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

/**
 * Counts, over batches, which sub-centre of its own class each image is nearest to. The sub-centre of a class with the
 * most votes is its dominant one; the share of images that vote for it tells whether sub-centres split people into
 * modes (a low share) or collect noise (a high one).
 */
export class SubcenterVotes {
  readonly classes: number;
  readonly subcenters: number;
  /** [classes * K], class-major. */
  readonly counts: Uint32Array;

  constructor(classes: number, subcenters: number) {
    checkPositiveInteger('classes', classes);
    checkPositiveInteger('subcenters', subcenters);
    this.classes = classes;
    this.subcenters = subcenters;
    this.counts = new Uint32Array(classes * subcenters);
  }

  /**
   * @param labels Class of each image. @param nearest Its nearest sub-centre, 0..K-1, as `headDiagnostics` gives it.
   * @throws {SubcenterLossError} `label-out-of-range`, `shape-mismatch`.
   */
  add(labels: ArrayLike<number>, nearest: ArrayLike<number>): void {
    if (labels.length !== nearest.length) {
      throw new SubcenterLossError('shape-mismatch', `${labels.length} labels but ${nearest.length} votes`);
    }
    checkLabels(labels, this.classes);
    checkLabels(nearest, this.subcenters);
    for (let i = 0; i < labels.length; i++) this.counts[labels[i]! * this.subcenters + nearest[i]!]! += 1;
  }

  /** Share of the images counted so far that are nearest to the dominant sub-centre of their class; NaN before any. */
  dominantShare(): number {
    let dominant = 0;
    let total = 0;
    for (let c = 0; c < this.classes; c++) {
      const votes = this.counts.subarray(c * this.subcenters, (c + 1) * this.subcenters);
      dominant += Math.max(...votes);
      for (const count of votes) total += count;
    }
    return dominant / total;
  }

  /** Forgets all votes, at the start of an epoch. */
  clear(): void {
    this.counts.fill(0);
  }
}

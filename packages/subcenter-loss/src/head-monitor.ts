/**
 * What to look at while a head trains, cheap enough to be always on. A loss that is given a monitor leaves the cosines of its
 * images to the K sub-centres of their own class with it: O(B K D), next to nothing beside the loss itself. Nothing is read
 * until `read` is called, so a lazy or asynchronous backend is not held up.
 */
import * as tf from '@tensorflow/tfjs-core';
import { checkLabels, checkPositiveInteger } from './input-checks.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

/** How one batch lies around its own sub-centres. */
export interface BatchAngles {
  /** Angle of each image to the nearest sub-centre of its class, degrees: [B]. NaN in a run that has diverged. */
  readonly angles: Float32Array;
  /** The sub-centre of its class that each image is nearest to, 0..K-1 (the first on a tie): [B]. -1 where there is no angle. */
  readonly nearest: Int32Array;
}

/** A class that has not been learned as it should be. */
export interface ClassWarning {
  /**
   * - `collapsed`: the images are, on average, so far from all their sub-centres that nothing can have been learned of the class.
   * - `split`: so few images are at the dominant sub-centre that dropping the others would take most of the class away.
   */
  readonly kind: 'collapsed' | 'split';
  readonly class: number;
  readonly images: number;
  /** Degrees. */
  readonly meanAngle: number;
  readonly dominantShare: number;
}

export interface HeadReport {
  /** Images counted since the start or the last `clear`. */
  readonly images: number;
  /**
   * Share of the images at the sub-centre of their class with the most images, with the second most, and so on: [K], sums
   * to one. NaN before any image.
   */
  readonly subcenterShares: readonly number[];
  /** The first of them: a low one says that sub-centres split people into modes, a high one that they collect noise. */
  readonly dominantShare: number;
  /** Angle to the target, degrees (nearest rank), over the latest images, at most 16,384; NaN before any. */
  readonly targetAngle: { readonly p10: number; readonly p50: number; readonly p90: number };
  /** Worst first: the classes furthest from their images, then the most evenly split. */
  readonly warnings: readonly ClassWarning[];
}

export interface HeadMonitorOptions {
  readonly classes: number;
  /** K. */
  readonly subcenters: number;
  /** Classes with fewer images are not warned of. Default 4. */
  readonly fewestImages?: number;
  /** Mean angle from which a class counts as collapsed, degrees. Default 80. */
  readonly collapsedFrom?: number;
  /** Dominant share up to which a class counts as split. Default .5. */
  readonly splitUpTo?: number;
}

const ANGLES_KEPT = 16_384;

export class HeadMonitor {
  readonly subcenters: number;
  /** Images of each class nearest to each of its sub-centres, [classes * K], class-major. */
  readonly votes: Uint32Array;
  readonly #options: Required<HeadMonitorOptions>;
  /** Sum of the angles of each class, degrees. */
  readonly #angleSums: Float64Array;
  readonly #latest = new Float32Array(ANGLES_KEPT);
  #images = 0;
  #unread: { labels: ArrayLike<number>; cosines: tf.Tensor2D }[] = [];

  /** @throws {SubcenterLossError} `invalid-option`. */
  constructor(options: HeadMonitorOptions) {
    const { classes, subcenters } = options;
    checkPositiveInteger('classes', classes);
    checkPositiveInteger('subcenters', subcenters);
    this.#options = { fewestImages: 4, collapsedFrom: 80, splitUpTo: 0.5, ...options };
    this.subcenters = subcenters;
    this.votes = new Uint32Array(classes * subcenters);
    this.#angleSums = new Float64Array(classes);
  }

  /**
   * Takes the cosines to the own sub-centres, [B, K], as they are: what the losses call. The tensor stays the caller's.
   *
   * @throws {SubcenterLossError} `shape-mismatch`, `label-out-of-range`, for a head of another size than the monitor was made for.
   */
  observe(labels: ArrayLike<number>, cosines: tf.Tensor2D): void {
    const [batch, subcenters] = cosines.shape;
    if (subcenters !== this.subcenters) {
      throw new SubcenterLossError(
        'shape-mismatch',
        `the monitor is for ${this.subcenters} sub-centres a class, the head has ${subcenters}`,
      );
    }
    checkLabels(labels, batch, this.#options.classes);
    this.#unread.push({ labels: Int32Array.from(labels), cosines: tf.keep(tf.clone(cosines)) });
  }

  /**
   * Reads and counts what has been observed since the last call, and frees it. To be awaited after each step, when the loss
   * is read; until then every observation holds a [B, K] tensor.
   *
   * @returns The latest batch; nothing if there was none.
   */
  async read(): Promise<BatchAngles | undefined> {
    let latest: BatchAngles | undefined;
    const unread = this.#unread;
    this.#unread = [];
    for (const { labels, cosines } of unread) {
      latest = this.#count(labels, await cosines.data<'float32'>());
      cosines.dispose();
    }
    return latest;
  }

  #count(labels: ArrayLike<number>, cosines: Float32Array): BatchAngles {
    const k = this.subcenters;
    const angles = new Float32Array(labels.length);
    const nearest = new Int32Array(labels.length);
    for (let i = 0; i < labels.length; i++) {
      const row = cosines.subarray(i * k, (i + 1) * k);
      const best = Math.max(...row);
      const label = labels[i]!;
      nearest[i] = row.indexOf(best);
      if (Number.isNaN(best)) {
        angles[i] = Number.NaN;
        continue;
      }
      angles[i] = (Math.acos(Math.min(1, Math.max(-1, best))) * 180) / Math.PI;
      this.votes[label * k + nearest[i]!]! += 1;
      this.#angleSums[label]! += angles[i]!;
      this.#latest[this.#images % ANGLES_KEPT] = angles[i]!;
      this.#images += 1;
    }
    return { angles, nearest };
  }

  /** Everything counted so far. O(classes * K): for every logged step, not for every step of a very large head. */
  report(): HeadReport {
    const { classes, subcenters, fewestImages, collapsedFrom, splitUpTo } = this.#options;
    const byRank = new Float64Array(subcenters);
    const warnings: ClassWarning[] = [];
    for (let c = 0; c < classes; c++) {
      const votes = this.votes
        .slice(c * subcenters, (c + 1) * subcenters)
        .sort()
        .reverse();
      votes.forEach((count, rank) => {
        byRank[rank]! += count;
      });
      const images = votes.reduce((sum, count) => sum + count, 0);
      if (images < fewestImages) continue;
      const meanAngle = this.#angleSums[c]! / images;
      const dominantShare = votes[0]! / images;
      const row = { class: c, images, meanAngle, dominantShare };
      if (meanAngle >= collapsedFrom) warnings.push({ kind: 'collapsed', ...row });
      else if (dominantShare <= splitUpTo) warnings.push({ kind: 'split', ...row });
    }
    warnings.sort(
      (a, b) =>
        a.kind.localeCompare(b.kind) ||
        (a.kind === 'collapsed' ? b.meanAngle - a.meanAngle : a.dominantShare - b.dominantShare),
    );
    const shares = Array.from(byRank, (count) => count / this.#images);
    return {
      images: this.#images,
      subcenterShares: shares,
      dominantShare: shares[0]!,
      targetAngle: this.#angleQuantiles(),
      warnings,
    };
  }

  #angleQuantiles(): HeadReport['targetAngle'] {
    const count = Math.min(this.#images, ANGLES_KEPT);
    const sorted = this.#latest.slice(0, count).sort();
    const quantile = (q: number): number => sorted[Math.min(count - 1, Math.floor(q * count))] ?? Number.NaN;
    return { p10: quantile(0.1), p50: quantile(0.5), p90: quantile(0.9) };
  }

  /** Forgets what has been counted, at the start of an epoch. */
  clear(): void {
    this.votes.fill(0);
    this.#angleSums.fill(0);
    this.#images = 0;
  }

  /** Frees what has not been read. */
  dispose(): void {
    for (const { cosines } of this.#unread) cosines.dispose();
    this.#unread = [];
  }
}

/** What a run tells of its sub-centres: where the images of the epoch so far lie among them, from what each step saw of its own. */
import { HeadMonitor } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import type { HeadEvent } from './training-events.ts';

export class HeadWatch {
  readonly #monitor: HeadMonitor;

  constructor(head: { readonly classes: number; readonly subcenters: number }) {
    this.#monitor = new HeadMonitor({ classes: head.classes, subcenters: head.subcenters });
  }

  /**
   * Counts where the images of a batch are.
   *
   * @param labels B classes. @param own cosines to the sub-centres of each image's own class, [B, K]; empty where the loss has no classes
   * @returns their mean angle to the target in degrees; NaN where there is none
   */
  async observe(labels: Int32Array, own: Float32Array): Promise<number> {
    if (own.length === 0) return Number.NaN;
    const cosines = tf.tensor2d(own, [labels.length, own.length / labels.length]);
    this.#monitor.observe(labels, cosines);
    cosines.dispose();
    const { angles } = (await this.#monitor.read())!;
    return angles.reduce((sum, angle) => sum + angle, 0) / angles.length;
  }

  report({ step, epoch }: { readonly step: number; readonly epoch: number }): HeadEvent {
    const { subcenterShares, dominantShare, targetAngle, warnings } = this.#monitor.report();
    const count = (kind: string): number => warnings.filter((warning) => warning.kind === kind).length;
    return {
      kind: 'head',
      ...{ step, epoch, subcenterShares, dominantShare, targetAngle },
      ...{ collapsed: count('collapsed'), split: count('split') },
    };
  }

  /** Forgets everything, at the end of an epoch. */
  clear(): void {
    this.#monitor.clear();
  }

  dispose(): void {
    this.#monitor.dispose();
  }
}

/**
 * Collects what the batches of one epoch tell of their images, until the epoch is written. In the middle of an epoch it is part of
 * the checkpoint, so that a run which is killed writes the same files as one that is not.
 */
import type { NamedArray } from '@arcface/backbones';
import type { DatasetFingerprint } from '../data/dataset-fingerprint.ts';
import { TrainingError } from '../training-error.ts';
import { encodeEpochDynamics } from './training-dynamics.ts';

/** Before the names of its tensors in a checkpoint. */
export const DYNAMICS_TENSOR = 'dynamics:';

export class EpochRecorder {
  readonly #data: DatasetFingerprint;
  readonly #own: Float32Array;
  readonly #other: Float32Array;
  readonly #nearest: Uint8Array;

  constructor(data: DatasetFingerprint) {
    this.#data = data;
    this.#own = new Float32Array(data.images);
    this.#other = new Float32Array(data.images);
    this.#nearest = new Uint8Array(data.images);
    this.clear();
  }

  /** Forgets everything, at the start of an epoch. */
  clear(): void {
    this.#own.fill(Number.NaN);
    this.#other.fill(Number.NaN);
    this.#nearest.fill(0);
  }

  /**
   * Takes a batch.
   *
   * @param positions of the images in the dataset: [B]
   * @param margins `own`: cosines to the K sub-centres of the own class, [B, K]; `other`: to the best other class, [B]
   */
  add(positions: Int32Array, margins: { readonly own: Float32Array; readonly other: Float32Array }): void {
    const subcenters = margins.own.length / positions.length;
    positions.forEach((position, i) => {
      const row = margins.own.subarray(i * subcenters, (i + 1) * subcenters);
      let nearest = 0;
      for (let k = 1; k < subcenters; k++) if (row[k]! > row[nearest]!) nearest = k;
      this.#own[position] = row[nearest]!;
      this.#other[position] = margins.other[i]!;
      this.#nearest[position] = nearest;
    });
  }

  /** The file of the epoch. */
  encode(epoch: number): Uint8Array {
    const [data, own, other, nearest] = [this.#data, this.#own, this.#other, this.#nearest];
    return encodeEpochDynamics({ epoch, data, own, other, nearest });
  }

  /** What a checkpoint in the middle of the epoch holds. */
  tensors(): NamedArray[] {
    const shape = [this.#data.images];
    return [
      { name: `${DYNAMICS_TENSOR}own`, dtype: 'float32', shape, data: this.#own.slice() },
      { name: `${DYNAMICS_TENSOR}other`, dtype: 'float32', shape, data: this.#other.slice() },
      { name: `${DYNAMICS_TENSOR}nearest`, dtype: 'uint8', shape, data: this.#nearest.slice() },
    ];
  }

  /**
   * Goes on with what a checkpoint holds; with nothing if it holds none.
   *
   * @throws {TrainingError} `parameter-mismatch` for tensors of another shape
   */
  restore(tensors: readonly NamedArray[]): void {
    this.clear();
    for (const [name, values] of [
      ['own', this.#own],
      ['other', this.#other],
      ['nearest', this.#nearest],
    ] as const) {
      const tensor = tensors.find((each) => each.name === DYNAMICS_TENSOR + name);
      if (tensor === undefined) continue;
      if (tensor.data.length !== values.length) {
        throw new TrainingError(
          'parameter-mismatch',
          `${tensor.name} has ${tensor.data.length} values, expected one for each of ${values.length} images.`,
        );
      }
      values.set(tensor.data as Float32Array | Uint8Array);
    }
  }
}

/**
 * Who makes a step: this thread, or several ranks together. A run decides what a step is made of (images, learning rate, margin)
 * and what follows on it; everything that holds weights stands behind this interface.
 */
import type { Margin } from '@arcface/subcenter-loss';
import type { StoredTensor, TensorPieces } from '../checkpoints/tensor-pieces.ts';
import type { Batch } from '../data/data-loader.ts';

/** The images of a step. */
export type StepImages = Pick<Batch, 'images' | 'labels' | 'share'>;

/** What a step depends on beside its images and the weights. */
export interface StepSettings {
  /** Steps done before: what dropout is drawn by. */
  readonly step: number;
  readonly learningRate: number;
  /** The margin of this step. */
  readonly margin: Margin;
}

/** What a step tells. */
export interface StepOutcome {
  /** Mean loss of the batch, before the update. */
  readonly loss: number;
  /** Cosines, without margin, to each sub-centre of the image's own class, before the update: [B, K]; empty where the loss has no classes. */
  readonly own: Float32Array;
  /** Cosine to the nearest sub-centre of any other class: [B]; empty when the run does not record it. */
  readonly other: Float32Array;
}

export interface StepExecutor {
  step(images: StepImages, settings: StepSettings): Promise<StepOutcome>;
  /** All tensors of a checkpoint. Between their pieces no step is to be made. */
  capture(): Promise<TensorPieces[]>;
  /** Puts the tensors of a checkpoint back. */
  restore(tensors: readonly StoredTensor[]): Promise<void>;
  /** Brings the weights into the run's own backbone and head, to be measured. */
  publish(): Promise<void>;
  dispose(): Promise<void>;
}

/** What the parts of a batch tell, as one. */
export function joinedOutcomes(outcomes: readonly StepOutcome[]): StepOutcome {
  if (outcomes.length === 1) return outcomes[0]!;
  return {
    loss: outcomes.reduce((sum, { loss }) => sum + loss, 0) / outcomes.length,
    own: concatenated(outcomes.map(({ own }) => own)),
    other: concatenated(outcomes.map(({ other }) => other)),
  };
}

/** The cosines of the parts of a batch, one part behind the other. */
export function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

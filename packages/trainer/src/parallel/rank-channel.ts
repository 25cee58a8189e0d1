/**
 * What a run and its ranks say to each other. A rank is a place that computes: a thread with a backend of its own. The run, which is no
 * rank, reads images, decides, and keeps the checkpoints; ranks among themselves speak through a `Communicator`.
 */
import type { NamedArray, NetworkGraph } from '@arcface/backbones';
import type { HeadConfig } from '../checkpoints/checkpoint.ts';
import type { StepImages, StepOutcome, StepSettings } from '../training/step-executor.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';

/** What a rank builds its model from; the values follow with `restore`. */
export interface RankSetup {
  readonly graph: NetworkGraph;
  readonly head: HeadConfig;
  readonly options: ResolvedTrainOptions;
}

/** The sub-centres of the classes that a rank owns. */
export interface HeadBlock {
  /** The first class. */
  readonly first: number;
  /** [classes of the block * K, D] */
  readonly weights: Float32Array;
  readonly momentum: Float32Array;
}

export type RankRequest =
  | { readonly kind: 'setup'; readonly setup: RankSetup }
  | { readonly kind: 'step'; readonly images: StepImages; readonly settings: StepSettings }
  | { readonly kind: 'capture' }
  /** Tensors as in a checkpoint; momenta that are missing are zero. */
  | { readonly kind: 'restore'; readonly tensors: readonly NamedArray[] };

export type RankReply =
  | { readonly kind: 'done' }
  | { readonly kind: 'outcome'; readonly outcome: StepOutcome }
  /** `network` is empty but for rank 0: the others have the same. */
  | { readonly kind: 'captured'; readonly network: readonly NamedArray[]; readonly block: HeadBlock };

/** The way to one rank. */
export interface RankChannel {
  /** Rejects when the rank fails. */
  request(request: RankRequest): Promise<RankReply>;
}

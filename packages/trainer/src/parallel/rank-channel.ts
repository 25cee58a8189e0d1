/**
 * What a run and its ranks say to each other. A rank is a place that computes: a thread with a backend of its own. The run, which is no
 * rank, reads images, decides, and keeps the checkpoints; ranks among themselves speak through a `Communicator`.
 */
import type { NamedArray, NetworkGraph } from '@arcface/backbones';
import type { HeadDescription } from '../training/head-description.ts';
import type { StepImages, StepOutcome, StepSettings } from '../training/step-executor.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';

/** What a rank builds its model from; the values follow with `restore`. */
export interface RankSetup {
  readonly graph: NetworkGraph;
  readonly head: Omit<HeadDescription, 'seed'>;
  readonly options: ResolvedTrainOptions;
}

/** The sub-centres of the classes that a rank owns: [classes of the block * K, D]. */
export interface HeadBlock {
  readonly weights: Float32Array;
  /** Undefined for zeros. */
  readonly momentum: Float32Array | undefined;
}

export type RankRequest =
  | { readonly kind: 'setup'; readonly setup: RankSetup }
  | { readonly kind: 'step'; readonly images: StepImages; readonly settings: StepSettings }
  /** The network, which is the same on all ranks. */
  | { readonly kind: 'network' }
  /** One half of the rank's block of the head. */
  | { readonly kind: 'block'; readonly of: keyof HeadBlock }
  /** The network's tensors as in a checkpoint, and the rank's own block. Momenta that are missing are zero. */
  | { readonly kind: 'restore'; readonly network: readonly NamedArray[]; readonly block: HeadBlock };

export type RankReply =
  | { readonly kind: 'done' }
  | { readonly kind: 'outcome'; readonly outcome: StepOutcome }
  | { readonly kind: 'network'; readonly tensors: readonly NamedArray[] }
  | { readonly kind: 'block'; readonly values: Float32Array };

/** The way to one rank. */
export interface RankChannel {
  /** Rejects when the rank fails. */
  request(request: RankRequest): Promise<RankReply>;
}

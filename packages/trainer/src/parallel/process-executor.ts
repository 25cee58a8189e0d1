/**
 * Steps of a run that several processes make together, each with its own images: this process's rank. What is asked of it is asked
 * of all ranks at once, since all run the same loop on the same numbers.
 */
import type { Backbone, NamedArray } from '@arcface/backbones';
import { type Communicator, initialSubcenters } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import type { Checkpoint } from '../checkpoints/checkpoint.ts';
import {
  HEAD_MOMENTUM,
  HEAD_TENSOR,
  type HeadDescription,
  headConfig,
} from '../checkpoints/model-checkpoint.ts';
import type { StepExecutor, StepImages, StepOutcome, StepSettings } from '../training/step-executor.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';
import type { RankReply } from './rank-channel.ts';
import { checkRankOptions } from './rank-executor.ts';
import { RankModel } from './rank-model.ts';
import { ROOT } from './shared-values.ts';

/** Numbers of the head that are brought to the root at once. */
const PIECE = 1 << 22;

export class ProcessExecutor implements StepExecutor {
  readonly #backbone: Backbone;
  readonly #head: HeadDescription;
  readonly #communicator: Communicator;
  readonly #model: RankModel;
  #begun = false;

  /** @throws {TrainingError} `invalid-option` */
  constructor(
    { backbone, head }: { readonly backbone: Backbone; readonly head: HeadDescription },
    options: ResolvedTrainOptions,
    {
      communicator,
      backwardStages,
    }: { readonly communicator: Communicator; readonly backwardStages?: number | undefined },
  ) {
    checkRankOptions(options, communicator.size, head.classes);
    this.#backbone = backbone;
    this.#head = head;
    this.#communicator = communicator;
    const setup = { graph: backbone.graph, head: headConfig(head), options };
    this.#model = new RankModel(setup, communicator, { backbone, backwardStages });
  }

  async step({ images, labels, share }: StepImages, settings: StepSettings): Promise<StepOutcome> {
    this.#begin();
    const { begin, count } = share ?? { begin: 0, count: labels.length };
    const own = { images, labels: labels.slice(begin, begin + count) };
    const reply = await this.#model.answer({ kind: 'step', images: own, settings });
    const { outcome } = reply as Extract<RankReply, { kind: 'outcome' }>;
    return { loss: outcome.loss, own: this.#joined(outcome.own), other: this.#joined(outcome.other) };
  }

  /** The tensors on the root; on other ranks, which have helped, none. */
  async capture(): Promise<NamedArray[]> {
    this.#begin();
    const reply = await this.#model.answer({ kind: 'capture' });
    const { network, block } = reply as Extract<RankReply, { kind: 'captured' }>;
    const weights = this.#wholeHead(HEAD_TENSOR, block.weights);
    const momentum = this.#wholeHead(HEAD_MOMENTUM, block.momentum);
    if (weights === undefined || momentum === undefined) return [];
    const first = network.findIndex(({ name }) => name.startsWith('momentum:'));
    const momenta = first < 0 ? network.length : first;
    // In the order of a run of one rank.
    return [...network.slice(0, momenta), weights, ...network.slice(momenta), momentum];
  }

  async restore({ tensors }: Pick<Checkpoint, 'tensors'>): Promise<void> {
    this.#begun = true;
    await this.#model.answer({ kind: 'restore', tensors });
  }

  /** The network is the run's own, and nobody measures the head. */
  async publish(): Promise<void> {}

  async dispose(): Promise<void> {
    this.#model.dispose();
  }

  /** A new run: the root's network for all, and the sub-centres that a head of one rank would start with. */
  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    for (const { variable } of this.#backbone.parameters.values()) {
      const values = Float32Array.from(variable.dataSync<'float32'>());
      this.#communicator.broadcast(values, ROOT);
      if (this.#communicator.rank !== ROOT) tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
    }
    const { subcenters, embeddingSize, seed } = this.#head;
    const perClass = subcenters * embeddingSize;
    this.#model.startHead((range) => initialSubcenters(range, { perClass, seed }));
  }

  /** The root gets the blocks of all ranks, one piece after another, so that no other has to hold them all. */
  #wholeHead(name: string, own: Float32Array): NamedArray | undefined {
    const communicator = this.#communicator;
    const { classes, subcenters, embeddingSize } = this.#head;
    const shape = [classes * subcenters, embeddingSize];
    const isRoot = communicator.rank === ROOT;
    const data = new Float32Array(isRoot ? classes * subcenters * embeddingSize : 0);
    const lengths = communicator.allGather(Int32Array.of(own.length)).map(([length = 0]) => length);
    let at = 0;
    for (const [rank, length] of lengths.entries()) {
      for (let begin = 0; begin < length; begin += PIECE) {
        const end = Math.min(length, begin + PIECE);
        const piece = rank === communicator.rank ? own.slice(begin, end) : new Float32Array(end - begin);
        communicator.broadcast(piece, rank);
        if (isRoot) data.set(piece, at);
        at += piece.length;
      }
    }
    return isRoot ? { name, dtype: 'float32', shape, data } : undefined;
  }

  #joined(own: Float32Array): Float32Array {
    const parts = this.#communicator.allGather(own);
    const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

/**
 * Steps of a run that several processes make together, each with its own images: this process's rank. What is asked of it is asked
 * of all ranks at once, since all run the same loop on the same numbers.
 */
import type { Backbone } from '@arcface/backbones';
import { type Communicator, initialSubcenters, rankBlock, type SubcenterHead } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import {
  findTensor,
  HEAD_MOMENTUM,
  HEAD_TENSOR,
  isOfNetwork,
  withHead,
} from '../checkpoints/model-checkpoint.ts';
import { loadTensors, type StoredTensor, type TensorPieces } from '../checkpoints/tensor-pieces.ts';
import { type HeadDescription, headSettings } from '../training/head-description.ts';
import {
  concatenated,
  type StepExecutor,
  type StepImages,
  type StepOutcome,
  type StepSettings,
} from '../training/step-executor.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';
import type { HeadBlock } from './rank-channel.ts';
import { checkRankOptions } from './rank-executor.ts';
import { RankModel } from './rank-model.ts';
import { ROOT } from './shared-values.ts';

/** Numbers of the head that go from rank to rank at once. */
const PIECE = 1 << 22;

export class ProcessExecutor implements StepExecutor {
  readonly #backbone: Backbone;
  readonly #head: SubcenterHead | HeadDescription;
  readonly #communicator: Communicator;
  readonly #model: RankModel;
  #begun = false;

  /** @throws {TrainingError} `invalid-option` */
  constructor(
    { backbone, head }: { readonly backbone: Backbone; readonly head: SubcenterHead | HeadDescription },
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
    const setup = { graph: backbone.graph, head: headSettings(head), options };
    this.#model = new RankModel(setup, communicator, { backbone, backwardStages });
  }

  async step({ images, labels, share }: StepImages, settings: StepSettings): Promise<StepOutcome> {
    this.#begin();
    const { begin, count } = share ?? { begin: 0, count: labels.length };
    const own = { images, labels: labels.slice(begin, begin + count) };
    const outcome = await this.#model.step(own, settings);
    const ofAll = (values: Float32Array): Float32Array => concatenated(this.#communicator.allGather(values));
    return { loss: outcome.loss, own: ofAll(outcome.own), other: ofAll(outcome.other) };
  }

  /** The network's tensors are the root's; the head's come from all ranks while they are gone through, which all have to do. */
  async capture(): Promise<TensorPieces[]> {
    this.#begin();
    const network = this.#communicator.rank === ROOT ? this.#model.network() : [];
    return withHead(network, this.#head, {
      weights: () => this.#headPieces('weights'),
      momentum: () => this.#headPieces('momentum'),
    });
  }

  /** All ranks read everything, since what the root reads comes to all, and each keeps what is its own. */
  async restore(tensors: readonly StoredTensor[]): Promise<void> {
    this.#begun = true;
    const network = await loadTensors(tensors, isOfNetwork);
    const weights = await this.#ownRows(tensors, HEAD_TENSOR);
    const momentum = await this.#ownRows(tensors, HEAD_MOMENTUM);
    this.#model.restore(network, { weights, momentum });
  }

  /** The network is the run's own, and nobody measures the head. */
  async publish(): Promise<void> {}

  async dispose(): Promise<void> {
    this.#model.dispose();
  }

  /** A new run: the root's network for all, and the sub-centres that a head of one rank would start with, or that this one has. */
  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    for (const { variable } of this.#backbone.parameters.values()) {
      const values = Float32Array.from(variable.dataSync<'float32'>());
      this.#communicator.broadcast(values, ROOT);
      if (this.#communicator.rank !== ROOT) tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
    }
    const head = this.#head;
    const perClass = head.subcenters * head.embeddingSize;
    if ('weights' in head) {
      const weights = head.weights.dataSync<'float32'>();
      this.#model.startHead(({ first, classes }) =>
        weights.slice(first * perClass, (first + classes) * perClass),
      );
    } else this.#model.startHead((range) => initialSubcenters(range, { perClass, seed: head.seed }));
  }

  /** The blocks of all ranks, one piece after another, so that nobody has to hold them all. */
  async *#headPieces(of: keyof HeadBlock): AsyncGenerator<Float32Array, void, undefined> {
    const communicator = this.#communicator;
    const own = await this.#model.block(of);
    const lengths = communicator.allGather(Int32Array.of(own.length)).map(([length = 0]) => length);
    const room = new Float32Array(Math.min(PIECE, Math.max(...lengths)));
    for (const [rank, length] of lengths.entries()) {
      for (let begin = 0; begin < length; begin += PIECE) {
        const end = Math.min(length, begin + PIECE);
        const piece = room.subarray(0, end - begin);
        if (rank === communicator.rank) piece.set(own.subarray(begin, end));
        communicator.broadcast(piece, rank);
        yield piece;
      }
    }
  }

  /** The rows of the head's tensor that are of this rank's classes. */
  async #ownRows(tensors: readonly StoredTensor[], name: string): Promise<Float32Array> {
    const { classes, subcenters, embeddingSize } = this.#head;
    const tensor = findTensor(tensors, name, [classes * subcenters, embeddingSize]);
    const block = rankBlock(classes, this.#communicator);
    const first = block.first * subcenters;
    const own = new Float32Array(block.classes * subcenters * embeddingSize);
    const rows = Math.max(1, Math.floor(PIECE / embeddingSize));
    for (let from = 0; from < classes * subcenters; from += rows) {
      const to = Math.min(classes * subcenters, from + rows);
      const piece = (await tensor.read(from, to)) as Float32Array;
      const [begin, end] = [Math.max(from, first), Math.min(to, first + block.classes * subcenters)];
      if (begin >= end) continue;
      own.set(
        piece.subarray((begin - from) * embeddingSize, (end - from) * embeddingSize),
        (begin - first) * embeddingSize,
      );
    }
    return own;
  }
}

/** Steps made by several ranks together: each gets an equal part of every batch. */
import { exportParameters, importParameters, type NamedArray } from '@arcface/backbones';
import { type ClassRange, rankBlock } from '@arcface/subcenter-loss';
import {
  findTensor,
  HEAD_MOMENTUM,
  HEAD_TENSOR,
  isOfNetwork,
  networkTensors,
  withHead,
} from '../checkpoints/model-checkpoint.ts';
import { loadTensors, type StoredTensor, type TensorPieces } from '../checkpoints/tensor-pieces.ts';
import { headSettings } from '../training/head-description.ts';
import {
  concatenated,
  type StepExecutor,
  type StepImages,
  type StepOutcome,
  type StepSettings,
} from '../training/step-executor.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';
import type { TrainedModel } from '../training/train-step.ts';
import { TrainingError } from '../training-error.ts';
import type { HeadBlock, RankChannel, RankReply, RankRequest } from './rank-channel.ts';

/** @throws {TrainingError} `invalid-option` for options that ranks cannot follow together */
export function checkRankOptions(
  { batchSize, accumulate, loss }: ResolvedTrainOptions,
  ranks: number,
  classes: number,
): void {
  const refuse = (what: string): never => {
    throw new TrainingError('invalid-option', `${what} (${ranks} ranks).`);
  };
  if (batchSize % (ranks * accumulate) !== 0) {
    const parts = accumulate > 1 ? `, with ${accumulate} parts to accumulate on each` : '';
    refuse(`The batch size ${batchSize} cannot be divided evenly${parts}`);
  }
  if (loss.kind !== 'margin')
    refuse(`The loss ${loss.kind} is for one rank: the head divides margin losses only`);
  if (classes < ranks) refuse(`${classes} classes cannot be divided`);
}

export class RankExecutor implements StepExecutor {
  readonly #model: TrainedModel;
  readonly #ranks: readonly RankChannel[];
  readonly #options: ResolvedTrainOptions;
  #ready: Promise<void> | undefined;

  /** @throws {TrainingError} `invalid-option` */
  constructor(model: TrainedModel, options: ResolvedTrainOptions, ranks: readonly RankChannel[]) {
    checkRankOptions(options, ranks.length, model.head.classes);
    this.#model = model;
    this.#ranks = ranks;
    this.#options = options;
  }

  async step({ images, labels }: StepImages, settings: StepSettings): Promise<StepOutcome> {
    await this.#begin();
    const count = labels.length / this.#ranks.length;
    const bytes = images.length / this.#ranks.length;
    const replies = await this.#ask((rank) => ({
      kind: 'step',
      settings,
      images: {
        images: images.slice(rank * bytes, (rank + 1) * bytes),
        labels: labels.slice(rank * count, (rank + 1) * count),
      },
    }));
    const outcomes = replies.map((reply) => (reply as Extract<RankReply, { kind: 'outcome' }>).outcome);
    return {
      loss: outcomes[0]!.loss,
      own: concatenated(outcomes.map(({ own }) => own)),
      other: concatenated(outcomes.map(({ other }) => other)),
    };
  }

  async capture(): Promise<TensorPieces[]> {
    await this.#begin();
    return withHead(await this.#network(), this.#model.head, {
      weights: () => this.#blocks('weights'),
      momentum: () => this.#blocks('momentum'),
    });
  }

  async restore(tensors: readonly StoredTensor[]): Promise<void> {
    const { classes, subcenters, embeddingSize } = this.#model.head;
    const shape = [classes * subcenters, embeddingSize];
    const [weights, momentum] = [HEAD_TENSOR, HEAD_MOMENTUM].map((name) => findTensor(tensors, name, shape));
    const rows = async (tensor: StoredTensor, { first, classes: count }: ClassRange): Promise<Float32Array> =>
      (await tensor.read(first * subcenters, (first + count) * subcenters)) as Float32Array;
    this.#ready = this.#setUp(await loadTensors(tensors, isOfNetwork), async (range) => ({
      weights: await rows(weights!, range),
      momentum: await rows(momentum!, range),
    }));
    await this.#ready;
  }

  async publish(): Promise<void> {
    await this.#begin();
    const { backbone, head } = this.#model;
    importParameters(backbone, networkTensors({ tensors: await this.#network() }));
    const weights = new Float32Array(head.weights.size);
    let at = 0;
    for await (const block of this.#blocks('weights')) {
      weights.set(block, at);
      at += block.length;
    }
    head.importWeights(weights);
  }

  /** The ranks belong to whoever started them. */
  async dispose(): Promise<void> {}

  async #network(): Promise<readonly NamedArray[]> {
    const reply = await this.#ranks[0]!.request({ kind: 'network' });
    return (reply as Extract<RankReply, { kind: 'network' }>).tensors;
  }

  /** From one rank after another, so that no more than a block is held. */
  async *#blocks(of: keyof HeadBlock): AsyncGenerator<Float32Array, void, undefined> {
    for (const channel of this.#ranks) {
      const reply = await channel.request({ kind: 'block', of });
      yield (reply as Extract<RankReply, { kind: 'block' }>).values;
    }
  }

  /** With the weights of the run's own model, unless a checkpoint's have been restored. */
  async #begin(): Promise<void> {
    this.#ready ??= this.#startAnew();
    await this.#ready;
  }

  async #startAnew(): Promise<void> {
    const { backbone, head } = this.#model;
    const weights = await head.exportWeights();
    const perClass = head.subcenters * head.embeddingSize;
    await this.#setUp(exportParameters(backbone), async ({ first, classes }) => ({
      weights: weights.slice(first * perClass, (first + classes) * perClass),
      momentum: undefined,
    }));
  }

  async #setUp(
    network: readonly NamedArray[],
    blockOf: (range: ClassRange) => Promise<HeadBlock>,
  ): Promise<void> {
    const { backbone, head } = this.#model;
    const setup = { graph: backbone.graph, head: headSettings(head), options: this.#options };
    await this.#ask(() => ({ kind: 'setup', setup }));
    const { length: size } = this.#ranks;
    for (const [rank, channel] of this.#ranks.entries()) {
      const block = await blockOf(rankBlock(head.classes, { rank, size }));
      await channel.request({ kind: 'restore', network, block });
    }
  }

  /** Asks all ranks at once and waits for all: none may be left in the middle of something. */
  async #ask(request: (rank: number) => RankRequest): Promise<RankReply[]> {
    const answers = await Promise.allSettled(
      this.#ranks.map((channel, rank) => channel.request(request(rank))),
    );
    const reasons = answers.flatMap((answer) =>
      answer.status === 'rejected' ? [answer.reason as Error] : [],
    );
    // The cause, rather than that of the ranks which have waited for the one that failed.
    const cause = reasons.find(({ message }) => !message.includes('another rank has failed')) ?? reasons[0];
    if (cause) throw cause;
    return answers.map((answer) => (answer as PromiseFulfilledResult<RankReply>).value);
  }
}

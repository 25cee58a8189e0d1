/** Steps made by several ranks together: each gets an equal part of every batch. */
import { exportParameters, importParameters, type NamedArray } from '@arcface/backbones';
import type { Checkpoint } from '../checkpoints/checkpoint.ts';
import { HEAD_MOMENTUM, HEAD_TENSOR, headConfig, networkTensors } from '../checkpoints/model-checkpoint.ts';
import type { StepExecutor, StepImages, StepOutcome, StepSettings } from '../training/step-executor.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';
import type { TrainedModel } from '../training/train-step.ts';
import { TrainingError } from '../training-error.ts';
import type { RankChannel, RankReply, RankRequest } from './rank-channel.ts';

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
      own: joined(outcomes.map(({ own }) => own)),
      other: joined(outcomes.map(({ other }) => other)),
    };
  }

  async capture(): Promise<NamedArray[]> {
    await this.#begin();
    const replies = await this.#ask(() => ({ kind: 'capture' }));
    const captured = replies as Extract<RankReply, { kind: 'captured' }>[];
    const { classes, subcenters, embeddingSize } = this.#model.head;
    const head = (name: string, field: 'weights' | 'momentum'): NamedArray => ({
      name,
      dtype: 'float32',
      shape: [classes * subcenters, embeddingSize],
      data: joined(captured.map(({ block }) => block[field])),
    });
    const network = captured[0]!.network;
    const first = network.findIndex(({ name }) => name.startsWith('momentum:'));
    const momenta = first < 0 ? network.length : first;
    // In the order of a run of one rank.
    return [
      ...network.slice(0, momenta),
      head(HEAD_TENSOR, 'weights'),
      ...network.slice(momenta),
      head(HEAD_MOMENTUM, 'momentum'),
    ];
  }

  async restore({ tensors }: Pick<Checkpoint, 'tensors'>): Promise<void> {
    this.#ready = this.#setUp(tensors);
    await this.#ready;
  }

  async publish(): Promise<void> {
    const tensors = await this.capture();
    importParameters(this.#model.backbone, networkTensors({ tensors }));
    this.#model.head.importWeights(tensors.find(({ name }) => name === HEAD_TENSOR)!.data as Float32Array);
  }

  /** The ranks belong to whoever started them. */
  async dispose(): Promise<void> {}

  /** With the weights of the run's own model, unless a checkpoint's have been restored. */
  async #begin(): Promise<void> {
    this.#ready ??= this.#initialTensors().then((tensors) => this.#setUp(tensors));
    await this.#ready;
  }

  async #initialTensors(): Promise<NamedArray[]> {
    const { backbone, head } = this.#model;
    const data = await head.exportWeights();
    const weights = { name: HEAD_TENSOR, dtype: 'float32', shape: head.weights.shape, data } as const;
    return [...exportParameters(backbone), weights];
  }

  async #setUp(tensors: readonly NamedArray[]): Promise<void> {
    const { backbone, head } = this.#model;
    const setup = { graph: backbone.graph, head: headConfig(head), options: this.#options };
    await this.#ask(() => ({ kind: 'setup', setup }));
    await this.#ask(() => ({ kind: 'restore', tensors }));
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

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

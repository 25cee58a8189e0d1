/**
 * One rank of a data-parallel run: a copy of the network, which sees its share of every batch, and a block of the head's classes,
 * which sees all of it. After each step all copies of the network are the same bits.
 *
 * Gradients of the network are added over ranks (they are of the mean over the whole batch already); those of a block of classes are
 * whole where the block is. Batch normalisation is each rank's own, as in the reference, unless it is asked for over all; the running
 * averages are averaged over ranks, which is what the reference saves.
 */
import { type Backbone, backboneFromGraph, type NamedArray } from '@arcface/backbones';
import { type ClassChunk, type ClassRange, type Communicator, StreamingHead } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import { captureNetwork, restoreNetwork } from '../checkpoints/model-checkpoint.ts';
import { type OptimizedParameter, Sgd } from '../optimisation/sgd.ts';
import { Random } from '../random.ts';
import { layersAtAverages, stillAverages } from '../training/frozen-parameters.ts';
import {
  joinedOutcomes,
  type StepImages,
  type StepOutcome,
  type StepSettings,
} from '../training/step-executor.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';
import { backboneParameters } from '../training/train-step.ts';
import { TrainingError } from '../training-error.ts';
import { GradientExchange } from './gradient-exchange.ts';
import { marginsOverRanks } from './margins-over-ranks.ts';
import type { HeadBlock, RankReply, RankRequest, RankSetup } from './rank-channel.ts';

export interface RankModelOptions {
  readonly backbone?: Backbone;
  readonly backwardStages?: number | undefined;
}

export class RankModel {
  readonly #communicator: Communicator;
  readonly #options: ResolvedTrainOptions;
  readonly #backbone: Backbone;
  readonly #head: StreamingHead;
  readonly #network: readonly OptimizedParameter[];
  /** Moves the network and this rank's block of classes. */
  readonly #sgd: Sgd;
  readonly #ownsBackbone: boolean;
  readonly #backwardStages: number;

  /**
   * @param options.backbone of that graph, which stays its owner's. Default: one of its own
   * @param options.backwardStages see `TrainingRun.backwardStages`. Default 1
   */
  constructor(
    { graph, head, options }: RankSetup,
    communicator: Communicator,
    { backbone, backwardStages = 1 }: RankModelOptions = {},
  ) {
    this.#communicator = communicator;
    this.#options = options;
    this.#ownsBackbone = backbone === undefined;
    this.#backbone = backbone ?? backboneFromGraph(graph);
    this.#backwardStages = backwardStages;
    this.#head = new StreamingHead({ ...head, communicator });
    this.#network = backboneParameters(this.#backbone, options.frozen);
    const classes = this.#head.chunks.map((chunk): OptimizedParameter => {
      return { name: chunkName(chunk), kind: 'weight', variable: chunk.weights };
    });
    this.#sgd = new Sgd([...this.#network, ...classes], options.optimizer);
  }

  async answer(request: Exclude<RankRequest, { kind: 'setup' }>): Promise<RankReply> {
    switch (request.kind) {
      case 'step':
        return { kind: 'outcome', outcome: await this.step(request.images, request.settings) };
      case 'network':
        return { kind: 'network', tensors: this.network() };
      case 'block':
        return { kind: 'block', values: await this.block(request.of) };
      case 'restore':
        this.restore(request.network, request.block);
        return { kind: 'done' };
    }
  }

  dispose(): void {
    this.#sgd.dispose();
    this.#head.dispose();
    if (this.#ownsBackbone) this.#backbone.dispose();
  }

  /** Gives the classes of this rank their first sub-centres. */
  startHead(initial: (range: ClassRange) => Float32Array): void {
    for (const chunk of this.#head.chunks) chunk.importWeights(initial(chunk));
  }

  /** @throws {TrainingError} `batch-too-large` for fewer images than there are parts of a batch */
  async step({ images, labels }: StepImages, settings: StepSettings): Promise<StepOutcome> {
    this.#head.margin = settings.margin;
    const parts = this.#options.accumulate;
    if (labels.length < parts) {
      throw new TrainingError(
        'batch-too-large',
        `Rank ${this.#communicator.rank} has ${labels.length} images of this batch, for ${parts} parts to accumulate: what would have been its own cannot be decoded. Accumulate fewer parts, or take a larger batch.`,
      );
    }
    const gradients: Record<string, tf.Tensor> = {};
    const exchange = new GradientExchange(this.#communicator);
    const outcomes = Array.from({ length: parts }, (_, part) => {
      // Uneven where ranks share a batch of which an image cannot be decoded.
      const [begin, end] = [part, part + 1].map((at) => Math.floor((at * labels.length) / parts));
      const bytes = images.length / labels.length;
      const slice = {
        images: images.subarray(begin! * bytes, end! * bytes),
        labels: labels.subarray(begin, end),
      };
      const isLast = part === parts - 1;
      return this.#addGradients(gradients, slice, {
        ...{ ...settings, part },
        exchange: isLast && this.#backwardStages > 1 ? exchange : undefined,
      });
    });
    this.#update(await this.#summed(gradients, exchange), { ...settings, rescale: 1 / parts });
    return joinedOutcomes(outcomes);
  }

  /**
   * Adds the gradients of one part of this rank's images to those that are there, by the names of the variables.
   *
   * @param settings.exchange gets the sums of the stages of the backward pass while those before them are computed
   */
  #addGradients(
    gradients: Record<string, tf.Tensor>,
    { images, labels }: StepImages,
    {
      step,
      learningRate,
      part,
      exchange,
    }: StepSettings & { readonly part: number; readonly exchange: GradientExchange | undefined },
  ): StepOutcome {
    const { rank } = this.#communicator;
    const [backbone, head] = [this.#backbone, this.#head];
    const place = part === 0 ? [step, rank] : [step, rank, part];
    const seed = Random.of(this.#options.seed, 'dropout', ...place).uint32();
    const sums = new Map(Object.entries(gradients));
    const add = (name: string, gradient: tf.Tensor): void => {
      const sum = sums.get(name);
      sums.set(name, tf.keep(sum ? tf.add(sum, gradient) : tf.clone(gradient)));
    };
    const gather = this.#options.syncBatchNorm
      ? (values: Float32Array) => this.#communicator.allGather(values)
      : undefined;
    const stages = exchange && {
      count: this.#backwardStages,
      onGradients: (of: ReadonlyMap<string, tf.Tensor>) =>
        exchange.send(this.#withEarlierParts(of, gradients)),
    };
    let margins: Pick<StepOutcome, 'own' | 'other'> | undefined;
    const loss = tf.tidy(() => {
      const pixels = tf.tensor4d(new Float32Array(images), [labels.length, ...backbone.inputShape]);
      const lossOf = (embeddings: tf.Tensor2D): tf.Scalar => {
        margins = marginsOverRanks(embeddings, labels, head, this.#communicator, {
          others: this.#options.dynamics,
        });
        return head.loss(embeddings, labels, {
          learningRate,
          onGradient: (chunk, gradient) => add(chunk.weights.name, gradient),
        });
      };
      const variables = this.#network.map(({ variable }) => variable);
      const atAverages = layersAtAverages(this.#options.frozen);
      // A network that is frozen as a whole is one in use: no gradient goes through it.
      const { value, grads } =
        variables.length > 0
          ? tf.variableGrads(
              () => lossOf(backbone.apply(pixels, { training: true, seed, gather, stages, atAverages })),
              variables,
            )
          : { ...tf.valueAndGrad<tf.Tensor2D, tf.Scalar>(lossOf)(backbone.apply(pixels)), grads: {} };
      for (const [name, gradient] of Object.entries(grads)) add(name, gradient);
      return value.dataSync()[0] ?? Number.NaN;
    });
    for (const [name, sum] of sums) {
      if (gradients[name] !== sum) gradients[name]?.dispose();
      gradients[name] = sum;
    }
    return { loss, ...margins! };
  }

  /** What the parts of a batch up to this one have added up to, by the names of the variables. */
  #withEarlierParts(
    last: ReadonlyMap<string, tf.Tensor>,
    earlier: Readonly<Record<string, tf.Tensor>>,
  ): Map<string, tf.Tensor> {
    return new Map(
      [...last].map(([parameter, gradient]) => {
        const { name } = this.#backbone.parameters.get(parameter)!.variable;
        const sum = earlier[name];
        return [name, sum ? tf.add(sum, gradient) : gradient];
      }),
    );
  }

  /** One update of everything. What all ranks have must move alike, so the norm is the same bits on all of them. */
  #update(
    gradients: tf.NamedTensorMap,
    options: { readonly learningRate: number; readonly rescale: number },
  ): void {
    const { learningRate, rescale } = options;
    let squares: number | undefined;
    if (this.#options.optimizer.clipNorm !== undefined) {
      const each = this.#sgd.squares(gradients, { rescale });
      const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
      const ofClasses = Float32Array.of(sum(each.slice(this.#network.length)));
      this.#communicator.allReduce(ofClasses, 'sum');
      squares = sum(each.slice(0, this.#network.length)) + ofClasses[0]!;
    }
    this.#sgd.step(gradients, { learningRate, rescale, squares });
    tf.dispose(gradients);
  }

  /** Sends off what is not on its way yet, with the running averages; takes the sums of all ranks, and averages the averages. */
  async #summed(gradients: tf.NamedTensorMap, exchange: GradientExchange): Promise<tf.NamedTensorMap> {
    // Averages that stay would come back rounded otherwise than they went.
    const still = stillAverages(this.#backbone.graph, this.#options.frozen);
    const averages = [...this.#backbone.parameters.values()]
      .filter(({ name, role }) => role === 'auxiliary' && !still.has(name))
      .map(({ variable }) => variable);
    const names = this.#network.map(({ variable }) => variable.name);
    const left = names.filter((name) => !exchange.has(name));
    await exchange.sendInTurns(
      new Map([
        ...left.map((name) => [name, gradients[name]!] as const),
        ...averages.map((variable) => [variable.name, variable] as const),
      ]),
    );
    const sums = exchange.sums();
    const { size } = this.#communicator;
    for (const variable of averages) {
      const mean = sums.get(variable.name)!.map((sum) => sum / size);
      tf.tidy(() => variable.assign(tf.tensor(mean, variable.shape)));
    }
    const summed = names.map((name) => [name, tf.tensor(sums.get(name)!, gradients[name]!.shape)] as const);
    for (const name of names) gradients[name]!.dispose();
    return { ...gradients, ...Object.fromEntries(summed) };
  }

  /** The tensors of the network, then their momenta, as a checkpoint has them. */
  network(): NamedArray[] {
    return captureNetwork({ backbone: this.#backbone, sgd: this.#sgd });
  }

  /** A copy of the sub-centres of this rank's classes, or of their momentum, row after row. */
  async block(of: keyof HeadBlock): Promise<Float32Array> {
    if (of === 'weights') return this.#head.exportWeights();
    const momenta = this.#head.chunks.map((chunk) => this.#sgd.momentum.get(chunkName(chunk))!);
    const values = new Float32Array(momenta.reduce((sum, { size }) => sum + size, 0));
    let at = 0;
    for (const momentum of momenta) {
      values.set(await momentum.data<'float32'>(), at);
      at += momentum.size;
    }
    return values;
  }

  /**
   * @param network tensors as in a checkpoint. @param block of this rank's classes
   * @throws `BackbonesError`, `SubcenterLossError` for tensors that are missing or of another shape
   */
  restore(network: readonly NamedArray[], { weights, momentum }: HeadBlock): void {
    restoreNetwork(network, { backbone: this.#backbone, sgd: this.#sgd });
    this.#head.importWeights(weights);
    let at = 0;
    tf.tidy(() => {
      for (const chunk of this.#head.chunks) {
        const of = this.#sgd.momentum.get(chunkName(chunk))!;
        const values = momentum?.slice(at, at + of.size) ?? new Float32Array(of.size);
        of.assign(tf.tensor2d(values, chunk.weights.shape));
        at += of.size;
      }
    });
  }
}

/** Names a chunk among the parameters of the optimiser. */
function chunkName({ first }: ClassChunk): string {
  return `classes from ${first}`;
}

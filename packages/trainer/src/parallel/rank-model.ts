/**
 * One rank of a data-parallel run: a copy of the network, which sees its share of every batch, and a block of the head's classes,
 * which sees all of it. After each step all copies of the network are the same bits.
 *
 * Gradients of the network are added over ranks (they are of the mean over the whole batch already). Batch normalisation is each
 * rank's own, as in the reference; the running averages are averaged over ranks, which is what the reference saves.
 */
import { type Backbone, backboneFromGraph } from '@arcface/backbones';
import { type Communicator, StreamingHead } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import {
  captureNetwork,
  HEAD_MOMENTUM,
  HEAD_TENSOR,
  restoreNetwork,
} from '../checkpoints/model-checkpoint.ts';
import { Sgd } from '../optimisation/sgd.ts';
import { Random } from '../random.ts';
import type { StepImages, StepOutcome, StepSettings } from '../training/step-executor.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';
import { backboneParameters } from '../training/train-step.ts';
import { marginsOverRanks } from './margins-over-ranks.ts';
import type { HeadBlock, RankReply, RankRequest, RankSetup } from './rank-channel.ts';

export class RankModel {
  readonly #communicator: Communicator;
  readonly #options: ResolvedTrainOptions;
  readonly #backbone: Backbone;
  readonly #head: StreamingHead;
  readonly #sgd: Sgd;

  constructor({ graph, head, options }: RankSetup, communicator: Communicator) {
    const { momentum = 0.9, weightDecay = 5e-4 } = options.optimizer;
    this.#communicator = communicator;
    this.#options = options;
    this.#backbone = backboneFromGraph(graph);
    this.#head = new StreamingHead({ ...head, communicator, optimizer: { momentum, weightDecay } });
    this.#sgd = new Sgd(backboneParameters(this.#backbone, options.frozen), options.optimizer);
  }

  async answer(request: Exclude<RankRequest, { kind: 'setup' }>): Promise<RankReply> {
    switch (request.kind) {
      case 'step':
        return { kind: 'outcome', outcome: this.#step(request.images, request.settings) };
      case 'capture':
        return this.#capture();
      case 'restore':
        this.#restore(request.tensors);
        return { kind: 'done' };
    }
  }

  dispose(): void {
    this.#sgd.dispose();
    this.#head.dispose();
    this.#backbone.dispose();
  }

  #step({ images, labels }: StepImages, { step, learningRate, margin }: StepSettings): StepOutcome {
    const communicator = this.#communicator;
    const [backbone, head] = [this.#backbone, this.#head];
    const seed = Random.of(this.#options.seed, 'dropout', step, communicator.rank).uint32();
    head.margin = margin;
    let margins: Omit<StepOutcome, 'loss'> | undefined;
    return tf.tidy(() => {
      const pixels = tf.tensor4d(new Float32Array(images), [labels.length, ...backbone.inputShape]);
      const { value, grads } = tf.variableGrads(() => {
        const embeddings = backbone.apply(pixels, { training: true, seed });
        // Before the loss: its gradient moves the sub-centres.
        margins = marginsOverRanks(embeddings, labels, head, communicator, {
          others: this.#options.dynamics,
        });
        return head.loss(embeddings, labels, { learningRate });
      }, this.#sgd.variables);
      const summed = this.#exchange(grads);
      this.#sgd.step(summed, { learningRate });
      return { loss: value.dataSync()[0] ?? Number.NaN, ...margins! };
    });
  }

  /** Adds the gradients of all ranks up, and averages the running averages, in one exchange. */
  #exchange(gradients: tf.NamedTensorMap): tf.NamedTensorMap {
    const averages = [...this.#backbone.parameters.values()]
      .filter(({ role }) => role === 'auxiliary')
      .map(({ variable }) => variable);
    const names = Object.keys(gradients);
    const tensors: tf.Tensor[] = [...names.map((name) => gradients[name]!), ...averages];
    const all = new Float32Array(tensors.reduce((sum, { size }) => sum + size, 0));
    let at = 0;
    for (const tensor of tensors) {
      all.set(tensor.dataSync<'float32'>(), at);
      at += tensor.size;
    }
    this.#communicator.allReduce(all, 'sum');
    at = 0;
    const next = ({ size }: tf.Tensor): Float32Array => {
      at += size;
      return all.slice(at - size, at);
    };
    const summed = names.map(
      (name) => [name, tf.tensor(next(gradients[name]!), gradients[name]!.shape)] as const,
    );
    for (const variable of averages) {
      const mean = next(variable).map((value) => value / this.#communicator.size);
      variable.assign(tf.tensor(mean, variable.shape));
    }
    return Object.fromEntries(summed);
  }

  async #capture(): Promise<RankReply> {
    const network =
      this.#communicator.rank === 0 ? captureNetwork({ backbone: this.#backbone, sgd: this.#sgd }) : [];
    return { kind: 'captured', network, block: await this.#block() };
  }

  async #block(): Promise<HeadBlock> {
    const { chunks } = this.#head;
    const weights = await this.#head.exportWeights();
    const momentum = new Float32Array(weights.length);
    let at = 0;
    for (const chunk of chunks) {
      momentum.set(await chunk.momentum.data<'float32'>(), at);
      at += chunk.momentum.size;
    }
    return { first: chunks[0]!.first, weights, momentum };
  }

  #restore(tensors: readonly { readonly name: string; readonly data: ArrayLike<number | bigint> }[]): void {
    restoreNetwork(tensors as Parameters<typeof restoreNetwork>[0], {
      backbone: this.#backbone,
      sgd: this.#sgd,
    });
    const whole = (name: string) =>
      tensors.find((tensor) => tensor.name === name)?.data as Float32Array | undefined;
    const weights = whole(HEAD_TENSOR)!;
    const momentum = whole(HEAD_MOMENTUM) ?? new Float32Array(weights.length);
    const perClass = this.#head.subcenters * this.#head.embeddingSize;
    tf.tidy(() => {
      for (const chunk of this.#head.chunks) {
        const begin = chunk.first * perClass;
        const end = begin + chunk.classes * perClass;
        chunk.importWeights(weights.slice(begin, end));
        chunk.momentum.assign(tf.tensor2d(momentum.slice(begin, end), chunk.momentum.shape));
      }
    });
  }
}

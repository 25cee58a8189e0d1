/** Steps in this thread, on the current backend of TensorFlow.js. */
import * as tf from '@tensorflow/tfjs-core';
import { captureTensors, restoreTensors } from '../checkpoints/model-checkpoint.ts';
import type { StoredTensor, TensorPieces } from '../checkpoints/tensor-pieces.ts';
import { Sgd } from '../optimisation/sgd.ts';
import { Random } from '../random.ts';
import { imageMargins } from './image-margins.ts';
import {
  joinedOutcomes,
  type StepExecutor,
  type StepImages,
  type StepOutcome,
  type StepSettings,
} from './step-executor.ts';
import type { ResolvedTrainOptions } from './train-options.ts';
import { batchGradients, type TrainedModel, trainableParameters } from './train-step.ts';
import { trainsHead } from './training-loss.ts';

export class LocalExecutor implements StepExecutor {
  readonly #model: TrainedModel & { readonly sgd: Sgd };
  readonly #options: ResolvedTrainOptions;

  constructor(model: TrainedModel, options: ResolvedTrainOptions) {
    const sgd = new Sgd(trainableParameters(model, options.frozen, options.loss), options.optimizer);
    this.#model = { backbone: model.backbone, head: model.head, sgd };
    this.#options = options;
  }

  async step({ images, labels }: StepImages, settings: StepSettings): Promise<StepOutcome> {
    const { head, sgd } = this.#model;
    head.margin = settings.margin;
    const parts = this.#options.accumulate;
    const count = labels.length / parts;
    const bytes = images.length / parts;
    const outcomes: StepOutcome[] = [];
    let sum: tf.NamedTensorMap | undefined;
    for (let part = 0; part < parts; part++) {
      const slice = {
        images: images.subarray(part * bytes, (part + 1) * bytes),
        labels: labels.subarray(part * count, (part + 1) * count),
      };
      const isLast = part === parts - 1;
      const { outcome, gradients } = await this.#part(slice, settings, { part, sum, isLast });
      outcomes.push(outcome);
      sum = gradients;
    }
    if (sum) {
      sgd.step(sum, { learningRate: settings.learningRate, rescale: 1 / parts });
      tf.dispose(sum);
    }
    return joinedOutcomes(outcomes);
  }

  /**
   * One part of a batch. The only part also makes the update, so that a lazy backend computes loss, gradients and update as one
   * graph; of several, the gradients are added up, and each part is read before the next begins, so that only one is in memory.
   */
  async #part(
    slice: StepImages,
    { step, learningRate }: StepSettings,
    { part, sum, isLast }: { part: number; sum: tf.NamedTensorMap | undefined; isLast: boolean },
  ): Promise<{ outcome: StepOutcome; gradients: tf.NamedTensorMap | undefined }> {
    const { head, sgd } = this.#model;
    const { seed, dynamics, frozen, loss: minimised } = this.#options;
    const place = part === 0 ? [step] : [step, part];
    const dropoutSeed = Random.of(seed, 'dropout', ...place).uint32();
    let own: tf.Tensor | undefined;
    let other: tf.Tensor | undefined;
    const only = part === 0 && isLast;
    const { loss, gradients } = tf.tidy(() => {
      const { value, grads } = batchGradients(this.#model, slice, {
        seed: dropoutSeed,
        loss: minimised,
        frozen,
        observe: (embeddings) => {
          if (!trainsHead(minimised)) return;
          ({ own, other } = imageMargins(embeddings, head, slice.labels, { others: dynamics }));
        },
      });
      if (only) {
        sgd.step(grads, { learningRate });
        return { loss: value, gradients: undefined };
      }
      const added = Object.entries(grads).map(([name, g]) => [name, sum ? tf.add(sum[name]!, g) : g]);
      return { loss: value, gradients: Object.fromEntries(added) as tf.NamedTensorMap };
    });
    try {
      // The first read of a step: a lazy backend now computes loss, cosines and updates together.
      const [value = Number.NaN] = await loss.data();
      const outcome = {
        loss: value,
        own: own ? new Float32Array(await own.data<'float32'>()) : new Float32Array(0),
        other: other ? new Float32Array(await other.data<'float32'>()) : new Float32Array(0),
      };
      return { outcome, gradients };
    } finally {
      tf.dispose([loss, ...(own ? [own] : []), ...(other ? [other] : []), ...Object.values(sum ?? {})]);
    }
  }

  capture(): Promise<TensorPieces[]> {
    return captureTensors(this.#model);
  }

  async restore(tensors: readonly StoredTensor[]): Promise<void> {
    await restoreTensors(tensors, this.#model);
  }

  async publish(): Promise<void> {}

  async dispose(): Promise<void> {
    this.#model.sgd.dispose();
  }
}

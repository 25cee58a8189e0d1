/**
 * One step of training: forward, loss, gradients, update. Everything is asked for before anything is read, and the graph
 * of every step is the same, so that a lazy backend compiles a whole step once and then only feeds it.
 */
import type { Backbone } from '@arcface/backbones';
import type { SubcenterHead } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import type { OptimizedParameter, Sgd } from '../optimisation/sgd.ts';
import { TrainingError } from '../training-error.ts';
import { isFrozen, layersAtAverages } from './frozen-parameters.ts';
import type { StepImages } from './step-executor.ts';
import { lossOfBatch, type TrainingLoss, trainsHead } from './training-loss.ts';

/** Name of the head's weights in checkpoints: the reference's, for a head that is in one piece. */
export const HEAD_PARAMETER = 'fc7_0_weight';

/** What is trained. */
export interface TrainedModel {
  readonly backbone: Backbone;
  readonly head: SubcenterHead;
}

/**
 * The parameters that the optimiser moves: the backbone's trainable arguments in order, then the head's weights if the loss has any.
 *
 * @param frozen beginnings of the names of those that it does not move
 */
export function trainableParameters(
  { backbone, head }: TrainedModel,
  frozen: readonly string[] = [],
  loss: TrainingLoss = { kind: 'margin' },
): OptimizedParameter[] {
  const network = backboneParameters(backbone, frozen);
  if (!trainsHead(loss)) return network;
  return [...network, { name: HEAD_PARAMETER, kind: 'weight', variable: head.weights }];
}

/** Those of the backbone only. */
export function backboneParameters(backbone: Backbone, frozen: readonly string[]): OptimizedParameter[] {
  const parameters: OptimizedParameter[] = [];
  for (const { name, role, kind, fixed, variable } of backbone.parameters.values()) {
    const stays = fixed || isFrozen(name, frozen);
    if (role === 'argument' && !stays) parameters.push({ name, kind, variable });
  }
  return parameters;
}

/** How the gradients of a batch are taken. */
export interface GradientOptions {
  /** Seed of the dropout masks, and of the negatives of triplets. */
  readonly seed: number;
  /** Default: the head's margin loss. */
  readonly loss?: TrainingLoss | undefined;
  /** Beginnings of the names of parts whose batch normalisation stays at its averages. Default: none. */
  readonly frozen?: readonly string[] | undefined;
  /** Gets the embeddings of the batch, inside the gradient; what it keeps of them is its own. */
  readonly observe?: (embeddings: tf.Tensor2D) => void;
}

/** Loss and gradients of a batch, not read; to be called in a `tf.tidy`. */
export function batchGradients(
  model: TrainedModel & { readonly sgd: Sgd },
  batch: StepImages,
  { seed, loss = { kind: 'margin' }, frozen = [], observe }: GradientOptions,
): { value: tf.Scalar; grads: tf.NamedTensorMap } {
  const { backbone, sgd } = model;
  const [height, width, channels] = backbone.inputShape;
  const shape: [number, number, number, number] = [batch.labels.length, height, width, channels];
  const images = tf.tensor4d(new Float32Array(batch.images), shape);
  // A network that is frozen as a whole is one in use: no gradient goes through it.
  const trained = sgd.parameters.some(({ name }) => name !== HEAD_PARAMETER);
  const fixed = trained ? undefined : backbone.apply(images);
  const atAverages = layersAtAverages(frozen);
  return tf.variableGrads(() => {
    const embeddings = fixed ?? backbone.apply(images, { training: true, seed, atAverages });
    observe?.(embeddings);
    return lossOfBatch(loss, model, { embeddings, labels: batch.labels, seed });
  }, sgd.variables);
}

/**
 * Runs one step and returns its loss as a scalar that has not been read yet; the caller reads and disposes it. Leaves no
 * other tensor behind.
 *
 * @param options.seed seed of this step's dropout masks
 */
export function trainStep(
  model: TrainedModel & { readonly sgd: Sgd },
  batch: StepImages,
  options: { readonly learningRate: number; readonly seed: number },
): tf.Scalar {
  return tf.tidy(() => {
    const { value, grads } = batchGradients(model, batch, options);
    model.sgd.step(grads, { learningRate: options.learningRate });
    return value;
  });
}

/**
 * @throws {TrainingError} `no-gradients` when nothing can be differentiated: tfjs-core's bundle for Node registers no
 *   gradient by itself
 */
export function checkGradients(): void {
  if (tf.getGradient('Conv2D') === undefined || tf.getGradient('BatchMatMul') === undefined) {
    throw new TrainingError(
      'no-gradients',
      'TensorFlow.js has no gradients registered. Import a backend that brings them (tfjs-backend-onnxruntime), or ' +
        "'@tensorflow/tfjs-core/dist/register_all_gradients.js', before training.",
    );
  }
}

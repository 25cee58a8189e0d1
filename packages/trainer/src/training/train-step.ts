/**
 * One step of training: forward, loss, gradients, update. Everything is asked for before anything is read, and the graph
 * of every step is the same, so that a lazy backend compiles a whole step once and then only feeds it.
 */
import type { Backbone } from '@arcface/backbones';
import type { SubcenterHead } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../data/data-loader.ts';
import type { OptimizedParameter, Sgd } from '../optimisation/sgd.ts';
import { TrainingError } from '../training-error.ts';

/** Name of the head's weights in checkpoints: the reference's, for a head that is in one piece. */
export const HEAD_PARAMETER = 'fc7_0_weight';

/** What is trained. */
export interface TrainedModel {
  readonly backbone: Backbone;
  readonly head: SubcenterHead;
}

/** The parameters that the optimiser moves: the backbone's trainable arguments in order, then the head's weights. */
export function trainableParameters({ backbone, head }: TrainedModel): OptimizedParameter[] {
  const parameters: OptimizedParameter[] = [];
  for (const { name, role, kind, fixed, variable } of backbone.parameters.values()) {
    if (role === 'argument' && !fixed) parameters.push({ name, kind, variable });
  }
  parameters.push({ name: HEAD_PARAMETER, kind: 'weight', variable: head.weights });
  return parameters;
}

/**
 * Runs one step and returns its loss as a scalar that has not been read yet; the caller reads and disposes it. Leaves no
 * other tensor behind.
 *
 * @param options.seed seed of this step's dropout masks
 */
export function trainStep(
  model: TrainedModel & { readonly sgd: Sgd },
  batch: Pick<Batch, 'images' | 'labels'>,
  options: { readonly learningRate: number; readonly seed: number },
): tf.Scalar {
  const { backbone, head, sgd } = model;
  const [height, width, channels] = backbone.inputShape;
  return tf.tidy(() => {
    const images = tf.tensor4d(new Float32Array(batch.images), [
      batch.labels.length,
      height,
      width,
      channels,
    ]);
    const { value, grads } = tf.variableGrads(
      () => head.loss(backbone.apply(images, { training: true, seed: options.seed }), batch.labels),
      sgd.variables,
    );
    sgd.step(grads, { learningRate: options.learningRate });
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

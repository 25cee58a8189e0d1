/**
 * The images of all ranks as one batch, which every rank holds against its own classes, and the tensors that have to be the
 * same on all of them. With one rank nothing is copied or read.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Communicator } from './communicator.ts';

export interface WholeBatch {
  /** Embeddings of all ranks, in the order of ranks: [B, D]. */
  readonly embeddings: tf.Tensor2D;
  readonly labels: Int32Array;
  readonly sampleWeights: Float32Array;
  /** Where this rank's own images begin, and how many they are. */
  readonly own: { readonly begin: number; readonly count: number };
}

export function gatherBatch(
  communicator: Communicator,
  embeddings: tf.Tensor2D,
  labels: ArrayLike<number>,
  sampleWeights: ArrayLike<number> | undefined,
): WholeBatch {
  const [count, dimensions] = embeddings.shape;
  const ownLabels = Int32Array.from(labels);
  const ownWeights = sampleWeights ? Float32Array.from(sampleWeights) : new Float32Array(count).fill(1);
  if (communicator.size === 1) {
    return { embeddings, labels: ownLabels, sampleWeights: ownWeights, own: { begin: 0, count } };
  }
  const parts = communicator.allGather(Float32Array.from(embeddings.dataSync<'float32'>()));
  const rows = joined(parts, Float32Array);
  const before = parts.slice(0, communicator.rank).reduce((sum, part) => sum + part.length, 0);
  return {
    embeddings: tf.tensor2d(rows, [rows.length / dimensions, dimensions]),
    labels: joined(communicator.allGather(ownLabels), Int32Array),
    sampleWeights: joined(communicator.allGather(ownWeights), Float32Array),
    own: { begin: before / dimensions, count },
  };
}

function joined<T extends Float32Array | Int32Array>(
  parts: readonly T[],
  Type: new (length: number) => T,
): T {
  const whole = new Type(parts.reduce((sum, part) => sum + part.length, 0));
  let begin = 0;
  for (const part of parts) {
    whole.set(part, begin);
    begin += part.length;
  }
  return whole;
}

/** The sum or the maximum over ranks of one tensor of each. */
export function reduced<T extends tf.Tensor>(
  communicator: Communicator,
  tensor: T,
  operation: 'sum' | 'max',
): T {
  if (communicator.size === 1) return tensor;
  const values = Float32Array.from(tensor.dataSync<'float32'>());
  communicator.allReduce(values, operation);
  return tf.tensor(values, tensor.shape, 'float32') as T;
}

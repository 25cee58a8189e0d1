/**
 * The two passes over the chunks of this rank, forward and backward, and what the ranks then tell each other: the largest
 * logit, the sum, and the gradient of the embeddings. Nothing that is as large as a chunk outlives its turn.
 */
import * as tf from '@tensorflow/tfjs-core';
import { reduced } from './batch-exchange.ts';
import type { ChunkSelection, ClassChunk } from './class-chunk.ts';
import type { Communicator } from './communicator.ts';
import {
  addChunk,
  type ChunkGradients,
  type ChunkInput,
  chunkGradients,
  emptySoftmax,
  type RunningSoftmax,
  type SoftmaxSlopes,
} from './streaming-softmax.ts';

/** A chunk, and which of its classes take part. */
export interface ChunkPart {
  readonly chunk: ClassChunk;
  readonly selection: ChunkSelection;
}

export interface ChunkLoop {
  readonly communicator: Communicator;
  readonly parts: readonly ChunkPart[];
  readonly subcenters: number;
  readonly interClassFilter: number | undefined;
}

function inputOf(
  { subcenters, interClassFilter }: ChunkLoop,
  { chunk, selection }: ChunkPart,
): Pick<ChunkInput, 'weights' | 'selection' | 'subcenters' | 'interClassFilter'> {
  return { weights: chunk.rows(chunk.weights, selection), selection, subcenters, interClassFilter };
}

/** The softmax over the negatives of all chunks of all ranks, and the cosines to the own classes. */
export function softmaxOverChunks(
  loop: ChunkLoop,
  unitEmbeddings: tf.Tensor2D,
  scale: tf.Scalar,
): RunningSoftmax {
  const { communicator } = loop;
  computeNow();
  let running = emptySoftmax(unitEmbeddings.shape[0], loop.subcenters);
  for (const part of loop.parts) {
    const next = tf.tidy(() => ({ ...addChunk(running, { unitEmbeddings, scale, ...inputOf(loop, part) }) }));
    tf.dispose([running.top, running.sum, running.own]);
    running = next;
    computeNow();
  }
  const top = reduced(communicator, running.top, 'max');
  const sum: tf.Tensor2D = tf.mul(running.sum, tf.exp(tf.sub(running.top, top)));
  return {
    top,
    sum: reduced(communicator, sum, 'sum'),
    own: reduced(communicator, running.own, 'sum'),
  };
}

/**
 * The gradients of the unit embeddings, summed over chunks and ranks.
 *
 * @param move Gets each chunk's own gradient, [selected * K, D], to move its sub-centres by. They have been read by then.
 */
export function gradientsOverChunks(
  loop: ChunkLoop,
  unitEmbeddings: tf.Tensor2D,
  scale: tf.Scalar,
  slopes: SoftmaxSlopes,
  move: (part: ChunkPart, gradient: tf.Tensor2D) => void,
): Omit<ChunkGradients, 'dWeights'> {
  const { communicator } = loop;
  let sums = { dUnit: concreteZeros(unitEmbeddings), meanCosine: concreteZeros(slopes.logTotal) };
  computeNow();
  for (const part of loop.parts) {
    const next = tf.tidy(() => {
      const { dUnit, dWeights, meanCosine } = chunkGradients(slopes, {
        unitEmbeddings,
        scale,
        ...inputOf(loop, part),
      });
      move(part, dWeights);
      return {
        dUnit: tf.add<tf.Tensor2D>(sums.dUnit, dUnit),
        meanCosine: tf.add<tf.Tensor2D>(sums.meanCosine, meanCosine),
      };
    });
    tf.dispose(sums);
    sums = next;
    computeNow();
  }
  return {
    dUnit: reduced(communicator, sums.dUnit, 'sum'),
    meanCosine: reduced(communicator, sums.meanCosine, 'sum'),
  };
}

/** Not zerosLike: the first chunk then has the same graph as all the others on a lazy backend. */
function concreteZeros({ shape, size }: tf.Tensor2D): tf.Tensor2D {
  return tf.tensor2d(new Float32Array(size), shape);
}

/**
 * A lazy backend would collect the work of all chunks, and with it their memory, until something is read. Such a backend has a
 * method to compute what is pending; others have computed already.
 */
function computeNow(): void {
  const backend = tf.backend() as { flush?: () => void };
  backend.flush?.();
}

/**
 * What ranks exchange in a step of training, in order: counted from the code (`training-session.ts`, `data-loader.ts`, `process-executor.ts`,
 * `rank-model.ts` of the trainer; `streaming-head.ts` of subcenter-loss), and compared with a run's own record by a test.
 */
import type { Exchange } from './recording-communicator.ts';

export interface StepShape {
  readonly ranks: number;
  /** Images of all ranks. */
  readonly batch: number;
  readonly dimensions: number;
  readonly subcenters: number;
  /** Numbers of the network that are exchanged: trained parameters and running averages, tensor by tensor. */
  readonly tensors: readonly number[];
  /** Whether cosines to other classes are recorded. */
  readonly dynamics: boolean;
}

const FLOAT = 4;
/** Numbers of a bucket of gradients. */
const BUCKET = 1 << 22;

export function exchangesOfStep(shape: StepShape): Exchange[] {
  const { ranks, batch, dimensions, subcenters, tensors, dynamics } = shape;
  const own = batch / ranks;
  const gather = (numbers: number): Exchange => ({ operation: 'allGather', bytes: FLOAT * numbers });
  const reduce = (numbers: number): Exchange => ({ operation: 'allReduce', bytes: FLOAT * numbers });
  return [
    // Whether anybody is to stop, and which images cannot be decoded.
    reduce(1),
    gather(0),
    // The cosines of images to their own classes, and to others.
    ...[gather(own * dimensions), gather(own)],
    ...[reduce(batch * subcenters), reduce(dynamics ? batch : 0)],
    // The head: embeddings, labels and weights; the softmax and the own cosines.
    ...[gather(own * dimensions), gather(own), gather(own)],
    ...[reduce(batch), reduce(batch), reduce(batch * subcenters)],
    // Its gradient.
    ...[reduce(batch * dimensions), reduce(batch)],
    ...buckets(tensors).map(reduce),
    // What is recorded of each image.
    ...[gather(own * subcenters), gather(dynamics ? own : 0)],
  ];
}

function buckets(tensors: readonly number[]): number[] {
  const filled: number[] = [];
  for (const numbers of tensors) {
    const last = filled.at(-1);
    if (last === undefined || last + numbers > BUCKET) filled.push(numbers);
    else filled[filled.length - 1] = last + numbers;
  }
  return filled;
}

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
  /**
   * Numbers of the network that are exchanged, tensor by tensor: a list for each stage of the backward pass, in the order in which they are
   * sent.
   */
  readonly stages: readonly (readonly number[])[];
  /** Whether cosines to other classes are recorded. */
  readonly dynamics: boolean;
}

/** Work that is done before an exchange: of the network forward, of the head forward or backward, or of a stage of the network backward. */
export type StepWork = 'forward' | 'head forward' | 'head backward' | { readonly stage: number };

export interface StepExchange extends Exchange {
  readonly after?: StepWork;
}

const FLOAT = 4;
/** Numbers of a bucket of gradients. */
const BUCKET = 1 << 22;

export function exchangesOfStep(shape: StepShape): StepExchange[] {
  const { ranks, batch, dimensions, subcenters, stages, dynamics } = shape;
  const own = batch / ranks;
  const gather = (numbers: number, after?: StepWork): StepExchange => ({
    ...{ operation: 'allGather', bytes: FLOAT * numbers },
    ...(after && { after }),
  });
  const reduce = (numbers: number, after?: StepWork): StepExchange => ({
    ...{ operation: 'allReduce', bytes: FLOAT * numbers },
    ...(after && { after }),
  });
  return [
    // Whether anybody is to stop, and which images cannot be decoded.
    reduce(1),
    gather(0),
    // The cosines of images to their own classes, and to others.
    ...[gather(own * dimensions, 'forward'), gather(own)],
    ...[reduce(batch * subcenters), reduce(dynamics ? batch : 0)],
    // The head: embeddings, labels and weights; the softmax and the own cosines.
    ...[gather(own * dimensions), gather(own), gather(own)],
    ...[reduce(batch, 'head forward'), reduce(batch), reduce(batch * subcenters)],
    // Its gradient.
    ...[reduce(batch * dimensions, 'head backward'), reduce(batch)],
    ...stages.flatMap((tensors, stage) => buckets(tensors).map((numbers) => reduce(numbers, { stage }))),
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

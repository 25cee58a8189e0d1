/** Tensors added up over ranks, in buckets: while one is on its way, the next is filled, and the event loop has a turn. */
import type { Communicator, PendingReduction } from '@arcface/subcenter-loss';
import type * as tf from '@tensorflow/tfjs-core';
import { eventLoopTurn } from '../data/event-loop-turn.ts';

/** Numbers that are added up over ranks at once. */
const BUCKET = 1 << 22;

/** @returns the sums, in the order of the tensors */
export async function summedOverRanks(
  communicator: Communicator,
  tensors: readonly tf.Tensor[],
): Promise<Float32Array[]> {
  const buckets = bucketsOf(tensors);
  const underWay: { values: Float32Array; pending: PendingReduction | undefined }[] = [];
  for (const bucket of buckets) {
    const values = new Float32Array(bucket.reduce((sum, { size }) => sum + size, 0));
    let at = 0;
    for (const tensor of bucket) {
      values.set(await tensor.data<'float32'>(), at);
      at += tensor.size;
    }
    const pending = communicator.startAllReduce?.(values, 'sum');
    if (pending) await eventLoopTurn();
    else communicator.allReduce(values, 'sum');
    // Asking gets it on.
    for (const other of underWay) other.pending?.isDone();
    underWay.push({ values, pending });
  }
  const sums: Float32Array[] = [];
  for (const [i, bucket] of buckets.entries()) {
    const { values, pending } = underWay[i]!;
    pending?.wait();
    let at = 0;
    for (const { size } of bucket) {
      sums.push(values.slice(at, at + size));
      at += size;
    }
  }
  return sums;
}

/** Neighbours together, up to the size of a bucket; a larger one by itself. */
function bucketsOf(tensors: readonly tf.Tensor[]): tf.Tensor[][] {
  const buckets: tf.Tensor[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const tensor of tensors) {
    if (filled + tensor.size > BUCKET) {
      buckets.push([]);
      filled = 0;
    }
    buckets.at(-1)!.push(tensor);
    filled += tensor.size;
  }
  return buckets;
}

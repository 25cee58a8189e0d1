/**
 * The gradients of a step, on their way to be added up over ranks: in buckets, each of which sets off as soon as it is full. While it
 * is under way the next is filled, or the gradients that go into it are computed.
 */
import type { Communicator, PendingReduction } from '@arcface/subcenter-loss';
import type * as tf from '@tensorflow/tfjs-core';
import { eventLoopTurn } from '../data/event-loop-turn.ts';

/** Most numbers of a bucket, where one tensor does not have more. */
const BUCKET = 1 << 22;

interface Bucket {
  readonly names: readonly string[];
  readonly sizes: readonly number[];
  readonly values: Float32Array;
  readonly pending: PendingReduction | undefined;
}

export class GradientExchange {
  readonly #communicator: Communicator;
  readonly #buckets: Bucket[] = [];

  constructor(communicator: Communicator) {
    this.#communicator = communicator;
  }

  /** Whether a tensor of this name has been sent off. */
  has(name: string): boolean {
    return this.#buckets.some(({ names }) => names.includes(name));
  }

  /**
   * Reads tensors and sends them off, without waiting where the communicator can do that. All ranks send the same tensors in the same
   * order.
   */
  send(tensors: ReadonlyMap<string, tf.Tensor>): void {
    for (const bucket of bucketsOf(tensors)) this.#send(bucket);
  }

  /** The same, with a turn for the event loop after each bucket. */
  async sendInTurns(tensors: ReadonlyMap<string, tf.Tensor>): Promise<void> {
    for (const bucket of bucketsOf(tensors)) {
      this.#send(bucket);
      await eventLoopTurn();
    }
  }

  /** The sums over all ranks, by name, when all have come. */
  sums(): Map<string, Float32Array> {
    const sums = new Map<string, Float32Array>();
    for (const { names, sizes, values, pending } of this.#buckets) {
      pending?.wait();
      let at = 0;
      for (const [i, name] of names.entries()) {
        sums.set(name, values.slice(at, at + sizes[i]!));
        at += sizes[i]!;
      }
    }
    return sums;
  }

  #send(bucket: readonly (readonly [name: string, tensor: tf.Tensor])[]): void {
    const sizes = bucket.map(([, { size }]) => size);
    const values = new Float32Array(sizes.reduce((sum, size) => sum + size, 0));
    let at = 0;
    for (const [, tensor] of bucket) {
      values.set(tensor.dataSync<'float32'>(), at);
      at += tensor.size;
    }
    const pending = this.#communicator.startAllReduce?.(values, 'sum');
    if (!pending) this.#communicator.allReduce(values, 'sum');
    // Asking gets it on.
    for (const other of this.#buckets) other.pending?.isDone();
    this.#buckets.push({ names: bucket.map(([name]) => name), sizes, values, pending });
  }
}

/** Neighbours together, up to the size of a bucket; a larger one by itself. */
function bucketsOf(tensors: ReadonlyMap<string, tf.Tensor>): [name: string, tensor: tf.Tensor][][] {
  const buckets: [string, tf.Tensor][][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const [name, tensor] of tensors) {
    if (filled + tensor.size > BUCKET) {
      buckets.push([]);
      filled = 0;
    }
    buckets.at(-1)!.push([name, tensor]);
    filled += tensor.size;
  }
  return buckets;
}

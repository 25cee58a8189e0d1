/**
 * Batch normalisation of a batch that is spread over several ranks: the statistics are those of all their images together, as if
 * one rank had the whole batch. Ranks exchange two numbers a channel forward and two backward, for every layer, and each exchange
 * has to wait for what was computed before; so a lazy backend computes a step in as many pieces as there are layers.
 */
import * as tf from '@tensorflow/tfjs-core';

/** Gives the numbers of all ranks for those of this one. All ranks call it in the same order, and it blocks. */
export type Gather = (values: Float32Array) => readonly Float32Array[];

export interface SynchronisedResult {
  readonly y: tf.Tensor;
  /** Of the whole batch; disposing of them is the caller's. */
  readonly mean: tf.Tensor1D;
  /** The biased one. */
  readonly variance: tf.Tensor1D;
  /** Values of a channel in the whole batch. */
  readonly count: number;
}

export interface SynchronisedInput {
  /** [N, H, W, C] or [N, C]: this rank's part. */
  readonly x: tf.Tensor;
  readonly scale: tf.Tensor1D;
  readonly offset: tf.Tensor1D;
  /** Of a PReLU over the result. */
  readonly slope: tf.Tensor1D | undefined;
}

export function synchronisedBatchNorm(
  { x, scale, offset, slope }: SynchronisedInput,
  { epsilon, gather }: { readonly epsilon: number; readonly gather: Gather },
): SynchronisedResult {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const batch = tf.tidy(() => {
    const mean = tf.mean(x, axes) as tf.Tensor1D;
    const variance = tf.mean(tf.square(tf.sub(x, mean)), axes) as tf.Tensor1D;
    return combined(gather, x.size / scale.size, tf.concat([mean, variance]));
  });
  const operation = tf.customGrad((...args) => {
    const [tensor, gamma, beta, alpha] = args.slice(0, -1) as [
      tf.Tensor,
      tf.Tensor1D,
      tf.Tensor1D,
      tf.Tensor1D?,
    ];
    const save = args.at(-1) as unknown as (tensors: tf.Tensor[]) => void;
    const inverse = tf.rsqrt(tf.add(batch.variance, epsilon));
    const normalised = tf.mul(tf.sub(tensor, batch.mean), inverse);
    const z = tf.add(tf.mul(normalised, gamma), beta);
    save([normalised, inverse, gamma, ...(alpha === undefined ? [] : [z, alpha])]);
    return {
      value: alpha === undefined ? z : tf.prelu(z, alpha),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        gradients(dy, saved as Saved, { axes, gather, count: batch.count }),
    };
  });
  const y = operation(...(slope === undefined ? [x, scale, offset] : [x, scale, offset, slope]));
  return { y, ...batch };
}

type Saved = [tf.Tensor, tf.Tensor1D, tf.Tensor1D, tf.Tensor?, tf.Tensor1D?];

/** What each rank found, put together in double precision (Chan, Golub and LeVeque, 1979). */
function combined(gather: Gather, count: number, own: tf.Tensor): Omit<SynchronisedResult, 'y'> {
  const ranks = gather(Float32Array.of(count, ...own.dataSync<'float32'>()));
  const channels = own.size / 2;
  const total = ranks.reduce((sum, [n = 0]) => sum + n, 0);
  const mean = new Float32Array(channels);
  const variance = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    let first = 0;
    for (const rank of ranks) first += (rank[0]! / total) * rank[1 + c]!;
    let second = 0;
    for (const rank of ranks) {
      const apart = rank[1 + c]! - first;
      second += (rank[0]! / total) * (rank[1 + channels + c]! + apart * apart);
    }
    mean[c] = first;
    variance[c] = second;
  }
  return { mean: tf.tensor1d(mean), variance: tf.tensor1d(variance), count: total };
}

/** Those of the parameters are of this rank's images only: they are added up with all others of the network. */
function gradients(
  dy: tf.Tensor,
  [normalised, inverse, scale, z, slope]: Saved,
  { axes, gather, count }: { readonly axes: number[]; readonly gather: Gather; readonly count: number },
): tf.Tensor[] {
  let dz = dy;
  const dslope: tf.Tensor[] = [];
  if (z !== undefined && slope !== undefined) {
    dz = tf.where(tf.greater(z, 0), dy, tf.mul(dy, slope));
    dslope.push(tf.sum(tf.mul(dy, tf.minimum(z, 0)), axes));
  }
  const doffset = tf.sum(dz, axes) as tf.Tensor1D;
  const dscale = tf.sum(tf.mul(dz, normalised), axes) as tf.Tensor1D;
  const ranks = gather(Float32Array.from(tf.concat([doffset, dscale]).dataSync<'float32'>()));
  const means = Float32Array.from({ length: 2 * scale.size }, (_, i) =>
    ranks.reduce((sum, rank) => sum + rank[i]! / count, 0),
  );
  const meanOffset = tf.tensor1d(means.subarray(0, scale.size));
  const meanScale = tf.tensor1d(means.subarray(scale.size));
  const perValue = tf.sub(dz, tf.add(meanOffset, tf.mul(normalised, meanScale)));
  return [tf.mul(perValue, tf.mul(scale, inverse)), dscale, doffset, ...dslope];
}

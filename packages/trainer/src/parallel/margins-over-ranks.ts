/** {@link imageMargins} where every rank has a block of the classes: each compares all images with its own, the largest counts. */
import {
  type Communicator,
  ownSubcenterCosines,
  type StreamingHead,
  subcenterCosines,
} from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import type { StepOutcome } from '../training/step-executor.ts';

/** Below every cosine. */
const NONE = -4;

/**
 * @param embeddings [B, D] of this rank. @param labels B classes.
 * @returns cosines of this rank's images: to its K own sub-centres, and to the best of all other classes (if asked for)
 */
export function marginsOverRanks(
  embeddings: tf.Tensor2D,
  labels: Int32Array,
  { chunks, subcenters }: Pick<StreamingHead, 'chunks' | 'subcenters'>,
  communicator: Communicator,
  options: { readonly others: boolean },
): Pick<StepOutcome, 'own' | 'other'> {
  const dimensions = embeddings.shape[1];
  const rows = communicator.allGather(Float32Array.from(embeddings.dataSync<'float32'>()));
  const allLabels = Int32Array.from(communicator.allGather(labels).flatMap((part) => [...part]));
  const before = rows.slice(0, communicator.rank).reduce((sum, part) => sum + part.length / dimensions, 0);
  const own = new Float32Array(allLabels.length * subcenters).fill(NONE);
  const other = new Float32Array(options.others ? allLabels.length : 0).fill(-1);
  tf.tidy(() => {
    const all = tf.concat(rows.map((part) => tf.tensor2d(part, [part.length / dimensions, dimensions])));
    for (const chunk of chunks) {
      const local = chunk.localLabels(allLabels);
      const here = local.map((label) => Math.max(0, label));
      const toOwn = ownSubcenterCosines(all, chunk.weights, here, subcenters).dataSync();
      for (let i = 0; i < own.length; i++) if (local[Math.floor(i / subcenters)]! >= 0) own[i] = toOwn[i]!;
      if (!options.others) continue;
      const isOwn = tf.equal(
        tf.tensor2d(local, [local.length, 1], 'int32'),
        tf.tensor2d(
          Int32Array.from({ length: chunk.classes }, (_, i) => i),
          [1, chunk.classes],
          'int32',
        ),
      );
      const cosines = subcenterCosines(all, chunk.weights, subcenters);
      const best = tf.max(tf.add(cosines, tf.mul(tf.cast(isOwn, 'float32'), tf.scalar(NONE))), 1).dataSync();
      for (let i = 0; i < other.length; i++) other[i] = Math.max(other[i]!, best[i]!);
    }
  });
  communicator.allReduce(own, 'max');
  communicator.allReduce(other, 'max');
  const count = labels.length;
  return {
    own: own.slice(before * subcenters, (before + count) * subcenters),
    other: options.others ? other.slice(before, before + count) : other,
  };
}

import type * as tf from '@tensorflow/tfjs-core';
import { ownSubcenterCosines } from './subcenter-cosines.ts';
import type { SubcenterHead } from './subcenter-head.ts';

/*
 * Numbers to log beside the loss. They touch only the K sub-centres of each image's own class, so they cost O(B K D): next
 * to nothing beside a training step.
 */

export interface HeadDiagnostics {
  /** Angle of each image to the nearest sub-centre of its class, degrees: [B]. */
  readonly angles: Float32Array;
  /** Mean of `angles`, degrees. */
  readonly meanAngle: number;
  /** 10 %, 50 % and 90 % quantiles of `angles` (nearest rank), degrees. */
  readonly angleQuantiles: { readonly p10: number; readonly p50: number; readonly p90: number };
  /** The sub-centre of its class that each image is nearest to, 0..K-1 (the first on a tie): [B]. Feed `SubcenterVotes`. */
  readonly nearest: Int32Array;
}

/**
 * How a batch lies around its own sub-centres.
 *
 * @param embeddings [B, D] float32. @param labels [B] int32 in 0..classes-1.
 * @throws {SubcenterLossError} `shape-mismatch`, `dtype-mismatch`.
 */
export async function headDiagnostics(
  head: SubcenterHead,
  embeddings: tf.Tensor2D,
  labels: tf.Tensor1D,
): Promise<HeadDiagnostics> {
  const own = ownSubcenterCosines(embeddings, head.weights, labels, head.subcenters);
  const cosines = await own.data<'float32'>();
  own.dispose();
  const batch = embeddings.shape[0];
  const angles = new Float32Array(batch);
  const nearest = new Int32Array(batch);
  for (let i = 0; i < batch; i++) {
    const row = cosines.subarray(i * head.subcenters, (i + 1) * head.subcenters);
    const best = Math.max(...row);
    nearest[i] = row.indexOf(best);
    angles[i] = (Math.acos(Math.min(1, Math.max(-1, best))) * 180) / Math.PI;
  }
  const sorted = Float32Array.from(angles).sort();
  const quantile = (q: number): number => sorted[Math.min(batch - 1, Math.floor(q * batch))]!;
  return {
    angles,
    meanAngle: angles.reduce((sum, angle) => sum + angle, 0) / batch,
    angleQuantiles: { p10: quantile(0.1), p50: quantile(0.5), p90: quantile(0.9) },
    nearest,
  };
}

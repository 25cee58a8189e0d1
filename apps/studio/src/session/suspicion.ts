/**
 * Identities by how suspicious they are: by the share of their images that is expected to be wrong where the audit has probabilities,
 * and by their mean angle otherwise.
 */
import { type AuditColumns, degreesOf } from '@arcface/cleaner';

export interface Suspicion {
  /** By position of the identity. From probabilities a share, from angles degrees; 0 for an identity of unreadable images. */
  readonly of: Float64Array;
  readonly unit: 'share' | 'degrees';
  /** Positions of the identities, the most suspicious first. */
  readonly order: Int32Array;
}

export function suspicionOfIdentities({ identities, pClean, cosine }: AuditColumns): Suspicion {
  const of = Float64Array.from(identities, ({ images }) => {
    let sum = 0;
    let judged = 0;
    for (const row of images) {
      if (Number.isNaN(cosine[row]!)) continue;
      const p = pClean === undefined ? Number.NaN : pClean[row]!;
      sum += pClean === undefined ? degreesOf(cosine[row]!) : Number.isNaN(p) ? 0 : 1 - p;
      judged++;
    }
    return judged === 0 ? 0 : sum / judged;
  });
  const order = Int32Array.from(of.keys()).sort((a, b) => of[b]! - of[a]! || a - b);
  return { of, unit: pClean === undefined ? 'degrees' : 'share', order };
}

/**
 * Which other identity an identity's images may belong to: what the audit proposes to merge, the labels that it suggests for single
 * images, and, without either, the person that most of them are most like.
 */
import type { AuditColumns } from '@arcface/cleaner';
import type { ProposedMerge } from '../audit/audit-summary-file.ts';

export interface LikelyOther {
  readonly label: number;
  /** Rows of this identity for which the audit suggests that label. */
  readonly suggested: readonly number[];
  /** Images whose second nearest person it is. */
  readonly likeness: number;
  /** That both are one person, where a merge was proposed. */
  readonly mergeProbability: number | undefined;
}

/** The likeliest first. */
export function likelyOthers(
  columns: AuditColumns,
  position: number,
  merges: readonly ProposedMerge[],
): LikelyOther[] {
  const { identities, suggestedLabel, otherLabel } = columns;
  const { label: own, images } = identities[position]!;
  const found = new Map<number, { suggested: number[]; likeness: number; merge: number | undefined }>();
  const at = (label: number) => {
    let other = found.get(label);
    if (other === undefined) {
      other = { suggested: [], likeness: 0, merge: undefined };
      found.set(label, other);
    }
    return other;
  };
  for (const row of images) {
    if (suggestedLabel[row]! >= 0) at(suggestedLabel[row]!).suggested.push(row);
    if (otherLabel[row]! >= 0) at(otherLabel[row]!).likeness++;
  }
  for (const { labels, probability } of merges) {
    const other = labels[0] === own ? labels[1] : labels[1] === own ? labels[0] : undefined;
    if (other !== undefined) at(other).merge = probability;
  }
  const known = new Set(identities.map(({ label }) => label));
  return [...found]
    .filter(([label]) => label !== own && known.has(label))
    .map(([label, { suggested, likeness, merge }]) => ({
      label,
      suggested,
      likeness,
      mergeProbability: merge,
    }))
    .sort(
      (a, b) =>
        (b.mergeProbability ?? 0) - (a.mergeProbability ?? 0) ||
        b.suggested.length - a.suggested.length ||
        b.likeness - a.likeness ||
        a.label - b.label,
    );
}

/** What is proposed, with its evidence, as plain objects that name images by key: for the summary and the report. */
import type { MergeProposal } from '@arcface/cleaner';
import type { JudgedDataset } from './judge-dataset.ts';

export interface ProposalLists {
  readonly merges: readonly MergeProposal[];
  readonly splits: readonly {
    readonly label: number;
    readonly person: number;
    readonly images: number;
    readonly keys: readonly (number | string)[];
    readonly likeness: number;
    readonly probability: number;
  }[];
  readonly relabels: readonly {
    readonly key: number | string;
    readonly label: number;
    readonly suggestedLabel: number;
    readonly probability: number;
  }[];
  readonly duplicates: readonly {
    readonly keys: readonly [number | string, number | string];
    readonly labels: readonly [number, number];
    readonly hashDistance: number;
    readonly cosine?: number;
    readonly identical: boolean;
    readonly probability: number;
  }[];
}

/** Entries of each list in the summary of an audit, and in `summary.json` of a dataset. */
export const SUMMARISED = 1000;
/** Keys of an entry. */
const MOST_KEYS = 100;

/** @param most entries a list, the surest; of a split the first hundred keys */
export function proposalLists(
  { audit, duplicates }: Pick<JudgedDataset, 'audit' | 'duplicates'>,
  most: number,
): ProposalLists {
  const { auto } = audit;
  const relabels: ProposalLists['relabels'][number][] = [];
  if (auto) {
    const likely = Array.from(auto.pElsewhere.keys()).filter((i) => auto.pElsewhere[i]! > 0.5);
    likely.sort((a, b) => auto.pElsewhere[b]! - auto.pElsewhere[a]! || a - b);
    for (const i of likely.slice(0, most)) {
      relabels.push({
        key: audit.key(i),
        label: audit.labels[i]!,
        suggestedLabel: auto.elsewhere[i]!,
        probability: auto.pElsewhere[i]!,
      });
    }
  }
  const splits = (auto?.splits ?? []).toSorted((a, b) => b.probability - a.probability);
  return {
    merges: auto?.merges.slice(0, most) ?? [],
    splits: splits.slice(0, most).map(({ label, person, images, likeness, probability }) => ({
      label,
      person,
      images: images.length,
      keys: Array.from(images.subarray(0, MOST_KEYS), audit.key),
      likeness,
      probability,
    })),
    relabels,
    duplicates: duplicates.slice(0, most).map(({ images: [a, b], ...evidence }) => ({
      keys: [audit.key(a), audit.key(b)] as const,
      labels: [audit.labels[a]!, audit.labels[b]!] as const,
      ...evidence,
    })),
  };
}

/** `audit.summary.json`, beside an audit: of what it says, the studio uses the identities that may be one person. */

/** Two identities that look like one person. */
export interface ProposedMerge {
  readonly labels: readonly [number, number];
  readonly probability: number;
}

/** The merges that a summary proposes; none from a file that is no summary, since an audit is complete without one. */
export function proposedMerges(text: string): ProposedMerge[] {
  let summary: { readonly proposals?: { readonly merges?: unknown } } | null;
  try {
    summary = JSON.parse(text);
  } catch {
    return [];
  }
  const merges = summary?.proposals?.merges;
  return Array.isArray(merges) ? merges.filter(isMerge) : [];
}

function isMerge(value: unknown): value is ProposedMerge {
  const { labels, probability } = (value ?? {}) as Partial<Record<'labels' | 'probability', unknown>>;
  return (
    Array.isArray(labels) &&
    labels.length === 2 &&
    labels.every(Number.isInteger) &&
    typeof probability === 'number'
  );
}

import type { Decision } from './decide.ts';
import type { Rule } from './rules/rule.ts';
import type { Audit } from './score.ts';

/** The audit in one object: what was decided, in numbers. */
export interface AuditSummary {
  readonly rule: Rule;
  readonly images: number;
  readonly kept: number;
  readonly dropped: number;
  /** Kept although the rule speaks against them; they count as kept, too. */
  readonly unresolved: number;
  readonly identities: number;
  readonly identitiesKept: number;
  /** Labels of the identities that are not in the output: of which no image stays, or all go to other identities (but for a merge). */
  readonly identitiesLost: readonly number[];
  /** Share of images nearest to the dominant sub-centre of their identity. */
  readonly dominantShare: number;
  /** Images that would rather belong to another label (automatic rule only, else 0). */
  readonly relabel: number;
  /** Pairs of identities that look like one person (automatic rule only, else 0). */
  readonly merges: number;
  /** Folders in which a second person was found (automatic rule only, else 0). */
  readonly splits: number;
}

export function summarise(audit: Audit, decision: Decision): AuditSummary {
  const staying = new Set(decision.identitiesKept.map(({ position }) => position));
  let dominant = 0;
  let relabel = 0;
  for (let i = 0; i < audit.images; i++) {
    const identity = audit.identityOf[i]!;
    // The person of a merged identity stays, under another label.
    if (decision.reasons[i] === 'merge') staying.add(identity);
    if (audit.nearest[i] === audit.identities[identity]!.dominant) dominant += 1;
    if (audit.auto && audit.auto.pElsewhere[i]! > 0.5) relabel += 1;
  }
  return {
    rule: decision.rule,
    images: audit.images,
    kept: decision.kept,
    dropped: decision.dropped,
    unresolved: decision.unresolved,
    identities: audit.identities.length,
    identitiesKept: decision.identitiesKept.length,
    identitiesLost: audit.identities.flatMap(({ label }, position) => (staying.has(position) ? [] : [label])),
    dominantShare: audit.images === 0 ? 1 : dominant / audit.images,
    relabel,
    merges: audit.auto?.merges.length ?? 0,
    splits: new Set(audit.auto?.splits.map(({ label }) => label)).size,
  };
}

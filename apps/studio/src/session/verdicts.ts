/**
 * What becomes of every image: what the rule says, and above it what people decided. The same as `decide` of `@arcface/cleaner` says
 * about the same audit, but cheap enough to follow a threshold that is being dragged.
 */
import type { AuditColumns, PersonalDecision } from '@arcface/cleaner';

/** The rules that an audit's rows are enough for. */
export type StudioRule = { readonly kind: 'recorded' } | { readonly kind: 'angle'; readonly degrees: number };

/** Numbers of verdicts, as in `AuditColumns.verdicts`. */
export const KEEP = 0;
export const DROP = 1;

/** A person's decision on the image of a row. */
export type RowDecision = Pick<PersonalDecision, 'decision' | 'label'>;

/** What the rule says of every row. */
export function ruleVerdicts(columns: AuditColumns, rule: StudioRule): Uint8Array {
  if (rule.kind === 'recorded') return columns.verdicts;
  const threshold = Math.cos((rule.degrees * Math.PI) / 180);
  const { cosine, images } = columns;
  const verdicts = new Uint8Array(images);
  // Also drops what has no angle, since it could not be read.
  for (let row = 0; row < images; row++) if (!(cosine[row]! > threshold)) verdicts[row] = DROP;
  return verdicts;
}

/** The whole dataset, after rule and people. */
export interface Outcome {
  readonly kept: number;
  readonly dropped: number;
  /** Kept under another label. */
  readonly relabelled: number;
  /** Images in the output, by position of the identity. */
  readonly keptOf: Int32Array;
  /** Images of the input that go, by position of the identity. */
  readonly droppedOf: Int32Array;
  /** Identities with an image in the output. */
  readonly identities: number;
}

/** @param positionOf Position of the identity with a label. */
export function outcomeOf(
  columns: AuditColumns,
  verdicts: Uint8Array,
  decisions: ReadonlyMap<number, RowDecision>,
  positionOf: ReadonlyMap<number, number>,
): Outcome {
  const { images, identityOf, identities } = columns;
  const keptOf = new Int32Array(identities.length);
  const droppedOf = new Int32Array(identities.length);
  for (let row = 0; row < images; row++) {
    if (verdicts[row] === DROP) droppedOf[identityOf[row]!]!++;
    else keptOf[identityOf[row]!]!++;
  }
  let relabelled = 0;
  for (const [row, { decision, label }] of decisions) {
    const own = identityOf[row]!;
    if (verdicts[row] === DROP) droppedOf[own]!--;
    else keptOf[own]!--;
    if (decision === 'drop') {
      droppedOf[own]!++;
    } else {
      const target = decision === 'relabel' ? positionOf.get(label!)! : own;
      keptOf[target]!++;
      if (target !== own) relabelled++;
    }
  }
  const kept = keptOf.reduce((sum, n) => sum + n, 0);
  return {
    kept,
    dropped: images - kept,
    relabelled,
    keptOf,
    droppedOf,
    identities: keptOf.reduce((sum, n) => sum + Number(n > 0), 0),
  };
}

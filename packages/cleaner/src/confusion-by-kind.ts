import { CleanerError } from './cleaner-error.ts';
import type { Decision } from './decide.ts';
import type { Audit } from './score.ts';

/*
 * What became of good images, of outsiders and of images of another identity. It takes a truth that says where an image belongs.
 */

export interface KindOutcome {
  readonly images: number;
  readonly kept: number;
  readonly dropped: number;
  readonly unresolved: number;
  /** Images with a suggested label; whether it is the true one. */
  readonly suggestedRight: number;
  readonly suggestedWrong: number;
}

export interface ConfusionByKind {
  readonly good: KindOutcome;
  readonly outsider: KindOutcome;
  readonly elsewhere: KindOutcome;
}

/**
 * @param truth One entry an image: the label it should have, -1 for an outsider; and whether its given label is wrong.
 * @throws {CleanerError} `shape-mismatch`.
 */
export function confusionByKind(
  audit: Audit,
  decision: Decision,
  truth: { readonly bad: ArrayLike<number | boolean>; readonly trueLabel: ArrayLike<number> },
): ConfusionByKind {
  for (const [name, { length }] of Object.entries(truth)) {
    if (length !== audit.images) {
      throw new CleanerError(
        'shape-mismatch',
        `the truth has ${length} rows (${name}) but there are ${audit.images} images`,
      );
    }
  }
  const outcome = () => ({
    images: 0,
    kept: 0,
    dropped: 0,
    unresolved: 0,
    suggestedRight: 0,
    suggestedWrong: 0,
  });
  const kinds = { good: outcome(), outsider: outcome(), elsewhere: outcome() };
  const counts = { keep: 'kept', drop: 'dropped', unresolved: 'unresolved' } as const;
  for (let i = 0; i < audit.images; i++) {
    const kind = kinds[!truth.bad[i] ? 'good' : truth.trueLabel[i]! < 0 ? 'outsider' : 'elsewhere'];
    kind.images += 1;
    kind[counts[decision.verdicts[i]!]] += 1;
    if (!audit.auto || !(audit.auto.pElsewhere[i]! > 0.5)) continue;
    if (audit.auto.elsewhere[i] === truth.trueLabel[i]) kind.suggestedRight += 1;
    else kind.suggestedWrong += 1;
  }
  return kinds;
}

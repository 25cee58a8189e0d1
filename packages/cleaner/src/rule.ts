import { CleanerError } from './cleaner-error.ts';

/*
 * Rules are values: they can be stored beside a dataset, compared, and applied again to the same audit.
 */

/** What every rule can add. */
export interface RuleGuards {
  /**
   * Keep at least this many images of each identity, the least suspicious ones; those that the rule itself would drop are
   * marked unresolved. Default 0.
   */
  readonly minimumImages?: number;
  /** Drop identities of which fewer images than this remain. Applied last. Default 0. */
  readonly minimumIdentity?: number;
}

/** Drop what is at this angle or more from the dominant sub-centre: the paper's rule (75 degrees there). */
export interface AngleRule extends RuleGuards {
  readonly kind: 'angle';
  /** An image is kept if its cosine is strictly greater than the cosine of this. 0..180. */
  readonly degrees: number;
  /** Drop also what is nearest to another sub-centre than the dominant one. Default false, as the reference. */
  readonly requireDominant?: boolean;
}

/**
 * Drop what is more likely bad than good, and second persons of a folder: see `autoScores`. An identity that would lose all its
 * images keeps its best one, marked unresolved, unless that one belongs to another identity.
 */
export interface AutoRule extends RuleGuards {
  readonly kind: 'auto';
  /** Drop when the probability of being bad exceeds this. Default .5. */
  readonly threshold?: number;
}

export type Rule = AngleRule | AutoRule;

/** @throws {CleanerError} `invalid-option`. */
export function checkRule(rule: Rule): void {
  const within = (name: string, value: unknown, low: number, high: number): void => {
    if (typeof value !== 'number' || !(value >= low && value <= high)) {
      throw new CleanerError(
        'invalid-option',
        `rule.${name} must be a number from ${low} to ${high}, found ${value}`,
      );
    }
  };
  if (rule.kind === 'angle') within('degrees', rule.degrees, 0, 180);
  else if (rule.kind === 'auto') within('threshold', rule.threshold ?? 0.5, 0, 1);
  else
    throw new CleanerError(
      'invalid-option',
      `unknown rule ${JSON.stringify((rule as { kind: unknown }).kind)}`,
    );
  for (const name of ['minimumImages', 'minimumIdentity'] as const) {
    const value = rule[name] ?? 0;
    if (!Number.isInteger(value) || value < 0) {
      throw new CleanerError(
        'invalid-option',
        `rule.${name} must be a whole number from 0 up, found ${value}`,
      );
    }
  }
}

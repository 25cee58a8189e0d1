import { CleanerError } from '../cleaner-error.ts';

/*
 * Rules are values: they can be stored beside a dataset, compared, and applied again to the same audit. A rule judges images; its
 * guards judge what that leaves of an identity.
 */

/** What every rule can add. */
export interface RuleGuards {
  /**
   * Keep at least this many images of each identity of the output, the least suspicious ones; those that the rule itself would drop
   * are marked unresolved. What has moved to another identity counts there. Default 0.
   */
  readonly keepAtLeast?: number;
  /** Drop identities of which fewer images than this remain. Applied last. Default 0. */
  readonly dropIdentitiesUnder?: number;
  /** Drop also what is nearest to another sub-centre than the dominant one. Default false, as the reference. */
  readonly requireDominant?: boolean;
}

/** Drop what is at this angle or more from the dominant sub-centre: the paper's rule (75 degrees there). */
export interface AngleRule extends RuleGuards {
  readonly kind: 'angle';
  /** An image is kept if its cosine is strictly greater than the cosine of this. 0..180. */
  readonly degrees: number;
}

/** Drop the images that are furthest from their dominant sub-centre, a fixed share of them. */
export interface QuantileRule extends RuleGuards {
  readonly kind: 'quantile';
  /** Share of images that go, 0..1; of images equally far, those go that are listed last. */
  readonly share: number;
  /** Of all images together, or of each identity's (rounded down). Default `all`. */
  readonly within?: 'all' | 'identity';
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

/** Drop what the training run found hard to learn under its label: see `withTrainingMargins`. */
export interface AumRule extends RuleGuards {
  readonly kind: 'aum';
  /** Drop when the probability of being bad exceeds this. Default .5. */
  readonly threshold?: number;
}

/** What an audit that was written down says: see `auditFromColumns`. */
export interface RecordedRule extends RuleGuards {
  readonly kind: 'recorded';
}

/**
 * For a network that was trained on the very labels that are judged: drop what is no more like its identity than known strangers are
 * (`withStrangerScores`); or, where the recorded training (`withTrainingMargins`, if it is there) shows that the network has learned wrong labels by heart, what `aum` drops.
 * An identity that would lose all its images keeps its best one, marked unresolved.
 */
export interface SelfTrainedRule extends RuleGuards {
  readonly kind: 'self-trained';
}

export type Rule = AngleRule | QuantileRule | AutoRule | AumRule | RecordedRule | SelfTrainedRule;

/** @throws {CleanerError} `invalid-option`. */
export function checkRule(rule: Rule): void {
  const invalid = (what: string): CleanerError => new CleanerError('invalid-option', what);
  const within = (name: string, value: unknown, low: number, high: number): void => {
    if (typeof value !== 'number' || !(value >= low && value <= high)) {
      throw invalid(`rule.${name} must be a number from ${low} to ${high}, found ${value}`);
    }
  };
  switch (rule.kind) {
    case 'angle':
      within('degrees', rule.degrees, 0, 180);
      break;
    case 'quantile':
      within('share', rule.share, 0, 1);
      if (!['all', 'identity'].includes(rule.within ?? 'all')) {
        throw invalid(`rule.within must be 'all' or 'identity', found ${JSON.stringify(rule.within)}`);
      }
      break;
    case 'auto':
    case 'aum':
      within('threshold', rule.threshold ?? 0.5, 0, 1);
      break;
    case 'recorded':
    case 'self-trained':
      break;
    default:
      throw invalid(`unknown rule ${JSON.stringify((rule as { kind: unknown }).kind)}`);
  }
  for (const name of ['keepAtLeast', 'dropIdentitiesUnder'] as const) {
    const value = rule[name] ?? 0;
    if (!Number.isInteger(value) || value < 0) {
      throw invalid(`rule.${name} must be a whole number from 0 up, found ${value}`);
    }
  }
}

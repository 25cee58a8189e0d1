import { CleanerError } from './cleaner-error.ts';
import { type AngleRule, type AutoRule, checkRule, type Rule } from './rule.ts';
import { type Audit, degreesOf } from './score.ts';

/*
 * The second of the two steps of cleaning: a rule applied to an audit. It says for every image whether it stays and where it goes in
 * the output; bytes are copied by somebody else, later.
 */

/** `unresolved` images stay although the rule speaks against them: their identity would be lost otherwise. */
export type Verdict = 'keep' | 'drop' | 'unresolved';

/** How the output numbers its records: from 1 behind a header record, or from 0 without one (the reference's drop). */
export type OutputLayout = 'insightface' | 'flat';

/** All arrays are in data order. */
export interface Decision {
  readonly rule: Rule;
  readonly layout: OutputLayout;
  readonly verdicts: readonly Verdict[];
  /** What decided on each image: the rule (`angle`, `auto`), or a part or guard of it (`angle:dominant`, `minimum-images`, ...). */
  readonly reasons: readonly string[];
  /** The larger, the worse: angle in degrees, or probability of being bad. For rankings. */
  readonly suspicion: Float64Array;
  /** Images of the output, in output order: by identity, then as each identity lists them. */
  readonly order: Int32Array;
  /** Key in the output, -1 when dropped. */
  readonly newKeys: Int32Array;
  /** Label in the output, 0..identitiesKept-1 without gaps, -1 when dropped. */
  readonly newLabels: Int32Array;
  /** Positions of the identities of the output; an identity's new label is its index here. */
  readonly identitiesKept: Int32Array;
  readonly kept: number;
  readonly dropped: number;
  readonly unresolved: number;
}

export interface DecideOptions {
  /** Default `insightface`. */
  readonly layout?: OutputLayout;
}

/**
 * Applies a rule. Identities that lose every image vanish, the labels of the others close up, order is kept.
 *
 * @throws {CleanerError} `invalid-option`; `scores-missing` when the automatic rule is asked of an audit without its scores.
 */
export function decide(audit: Audit, rule: Rule, options: DecideOptions = {}): Decision {
  checkRule(rule);
  const layout = options.layout ?? 'insightface';
  const { verdicts, reasons, suspicion } = rule.kind === 'angle' ? byAngle(audit, rule) : byAuto(audit, rule);
  keepMinimumImages(audit, rule.minimumImages ?? 0, verdicts, reasons, suspicion);
  dropSmallIdentities(audit, rule.minimumIdentity ?? 0, verdicts, reasons);

  const order: number[] = [];
  const identitiesKept: number[] = [];
  const newKeys = new Int32Array(audit.images).fill(-1);
  const newLabels = new Int32Array(audit.images).fill(-1);
  const firstKey = layout === 'flat' ? 0 : 1;
  audit.identities.forEach(({ images }, position) => {
    const before = order.length;
    for (const image of images) {
      if (verdicts[image] === 'drop') continue;
      newKeys[image] = firstKey + order.length;
      newLabels[image] = identitiesKept.length;
      order.push(image);
    }
    if (order.length > before) identitiesKept.push(position);
  });
  return {
    rule,
    layout,
    verdicts,
    reasons,
    suspicion,
    order: Int32Array.from(order),
    newKeys,
    newLabels,
    identitiesKept: Int32Array.from(identitiesKept),
    kept: order.length,
    dropped: audit.images - order.length,
    unresolved: verdicts.filter((verdict) => verdict === 'unresolved').length,
  };
}

/** Members of a second person's group rank with the surest bad images, whatever their own probability. */
const SECOND_PERSON_SUSPICION = 0.99;

interface Verdicts {
  readonly verdicts: Verdict[];
  readonly reasons: string[];
  readonly suspicion: Float64Array;
}

function byAngle(audit: Audit, rule: AngleRule): Verdicts {
  // The comparison is of cosines, strictly, as the reference's; angles are only for people.
  const threshold = Math.cos((rule.degrees * Math.PI) / 180);
  const verdicts: Verdict[] = [];
  const reasons: string[] = [];
  for (let i = 0; i < audit.images; i++) {
    const near = audit.cosine[i]! > threshold;
    const dominant = audit.nearest[i] === audit.identities[audit.identityOf[i]!]!.dominant;
    const keep = near && (dominant || !rule.requireDominant);
    verdicts.push(keep ? 'keep' : 'drop');
    reasons.push(near && !keep ? 'angle:dominant' : 'angle');
  }
  return { verdicts, reasons, suspicion: audit.cosine.map(degreesOf) };
}

function byAuto(audit: Audit, { threshold = 0.5 }: AutoRule): Verdicts {
  const { auto } = audit;
  if (!auto) {
    throw new CleanerError(
      'scores-missing',
      `the automatic rule needs its scores: add them with 'withAutoScores'`,
    );
  }
  const verdicts: Verdict[] = [];
  const reasons: string[] = [];
  const suspicion = new Float64Array(audit.images);
  for (let i = 0; i < audit.images; i++) {
    const pBad = 1 - auto.pClean[i]!;
    const secondPerson = auto.secondPerson[i]! > 0 && auto.pElsewhere[i]! <= 0.5;
    verdicts.push(pBad > threshold || secondPerson ? 'drop' : 'keep');
    reasons.push(secondPerson ? 'auto:second-person' : auto.pElsewhere[i]! > 0.5 ? 'auto:elsewhere' : 'auto');
    suspicion[i] = secondPerson ? Math.max(pBad, SECOND_PERSON_SUSPICION) : pBad;
  }
  // No identity goes for want of evidence: its best image stays. Where even that one is somebody else's, the identity is gone, and
  // the reason and the suggested label say where to.
  for (const { images } of audit.identities) {
    if (images.length === 0 || images.some((image) => verdicts[image] === 'keep')) continue;
    const best = images.reduce((a, b) => (suspicion[b]! < suspicion[a]! ? b : a));
    if (auto.pElsewhere[best]! > 0.5) continue;
    verdicts[best] = 'unresolved';
    reasons[best] = 'auto:last-image';
  }
  return { verdicts, reasons, suspicion };
}

function keepMinimumImages(
  audit: Audit,
  minimum: number,
  verdicts: Verdict[],
  reasons: string[],
  suspicion: Float64Array,
): void {
  if (minimum === 0) return;
  for (const { images } of audit.identities) {
    const dropped = images.filter((image) => verdicts[image] === 'drop');
    const missing = minimum - (images.length - dropped.length);
    if (missing <= 0) continue;
    for (const image of dropped.sort((a, b) => suspicion[a]! - suspicion[b]! || a - b).slice(0, missing)) {
      verdicts[image] = 'unresolved';
      reasons[image] = 'minimum-images';
    }
  }
}

function dropSmallIdentities(audit: Audit, minimum: number, verdicts: Verdict[], reasons: string[]): void {
  for (const { images } of audit.identities) {
    const kept = images.filter((image) => verdicts[image] !== 'drop');
    if (kept.length >= minimum) continue;
    for (const image of kept) {
      verdicts[image] = 'drop';
      reasons[image] = 'minimum-identity';
    }
  }
}

import { isProposal } from './apply-proposals.ts';
import type { Decision } from './decide.ts';
import type { Verdict } from './rules/verdicts.ts';
import { type Audit, degreesOf } from './score.ts';

/*
 * The audit as people and programs read it: one row per image, in data order, as JSON lines. Rows are made one at a time, so that
 * ten million of them can be written without holding them.
 */

/** Keys are a contract with scripts: add to them, don't change them. */
export interface AuditRow {
  /** Record key or path in the input. */
  readonly key: number | string;
  readonly label: number;
  /** The identity's name, where there is one. */
  readonly identity?: string;
  /** Images of its identity nearest to each sub-centre. */
  readonly votes: readonly number[];
  /** The sub-centre the image is nearest to. */
  readonly subcenter: number;
  /** The dominant sub-centre of its identity. */
  readonly dominant: number;
  /** To the dominant sub-centre, degrees. */
  readonly angle: number;
  /** To the nearest sub-centre, degrees. */
  readonly angleNearest: number;
  /** Probability that the image shows the person of its label. */
  readonly pClean?: number;
  /** Probability that it shows none of the identities. */
  readonly pOutsider?: number;
  /** Probability that it shows the person of another label. */
  readonly pElsewhere?: number;
  /** That other label, where its probability exceeds one half. */
  readonly suggestedLabel?: number;
  /** The other label whose person it is most like, whatever the probability. */
  readonly otherLabel?: number;
  /** Mean margin over the epochs of the training run (rule aum only). */
  readonly aum?: number;
  readonly decision: Verdict;
  /** What decided: see `Decision.reasons`. */
  readonly rule: string;
  /** Key in the output, unless dropped. */
  readonly newKey?: number;
  /** Label in the output, unless dropped. */
  readonly newLabel?: number;
  /** The label (of the input) whose identity it goes to, where a proposal that was carried out or a person moved it. */
  readonly movedTo?: number;
  /** 1, 2, ...: it goes to the second person that was split off from its identity (`apply` of `split`). */
  readonly splitPerson?: number;
}

/** The row of one image. Angles are rounded to 1e-6 degrees, probabilities to 1e-6. */
export function auditRow(audit: Audit, decision: Decision, image: number): AuditRow {
  const identity = audit.identities[audit.identityOf[image]!]!;
  const { auto } = audit;
  const aum = audit.training?.aum[image];
  const kept = decision.verdicts[image] !== 'drop';
  return {
    key: audit.key(image),
    label: audit.labels[image]!,
    ...(identity.name === undefined ? {} : { identity: identity.name }),
    votes: Array.from(identity.votes),
    subcenter: audit.nearest[image]!,
    dominant: identity.dominant,
    angle: rounded(degreesOf(audit.cosine[image]!)),
    angleNearest: rounded(degreesOf(audit.cosineNearest[image]!)),
    ...(auto === undefined
      ? recordedScores(audit, image)
      : {
          pClean: rounded(auto.pClean[image]!),
          pOutsider: rounded(auto.pOutsider[image]!),
          pElsewhere: rounded(auto.pElsewhere[image]!),
          ...(auto.pElsewhere[image]! > 0.5 ? { suggestedLabel: auto.elsewhere[image]! } : {}),
          otherLabel: auto.elsewhere[image]!,
        }),
    ...(aum === undefined || Number.isNaN(aum) ? {} : { aum: rounded(aum) }),
    decision: decision.verdicts[image]!,
    rule: decision.reasons[image]!,
    ...(kept ? { newKey: decision.newKeys[image]!, newLabel: decision.newLabels[image]! } : {}),
    ...(kept ? destination(audit, decision, image) : {}),
  };
}

/** Where an image that stays goes, where that is not simply its own identity. */
function destination(
  { identities, identityOf }: Audit,
  { identitiesKept, newLabels, reasons }: Decision,
  image: number,
): Pick<AuditRow, 'movedTo' | 'splitPerson'> {
  const { position, person } = identitiesKept[newLabels[image]!]!;
  if (person > 0) return { splitPerson: person };
  // What was moved and arrived where it came from (its new identity was merged into its old one) says so, too.
  const moved = position !== identityOf[image] || isProposal(reasons[image]!);
  return moved ? { movedTo: identities[position]!.label } : {};
}

/** Of what an earlier row said about the image, the part that is still known. */
function recordedScores(
  { recorded }: Audit,
  image: number,
): Pick<AuditRow, 'pClean' | 'suggestedLabel' | 'otherLabel'> {
  const pClean = recorded?.pClean?.[image] ?? Number.NaN;
  const suggestedLabel = recorded?.suggestedLabel[image] ?? -1;
  const otherLabel = recorded?.otherLabel[image] ?? -1;
  return {
    ...(Number.isNaN(pClean) ? {} : { pClean: rounded(pClean) }),
    ...(suggestedLabel < 0 ? {} : { suggestedLabel }),
    ...(otherLabel < 0 ? {} : { otherLabel }),
  };
}

/** The row of an image that could not be decoded: it goes, and nothing else can be said about it. */
export interface UndecodableRow {
  readonly key: number | string;
  readonly label: number;
  readonly subcenter: null;
  readonly dominant: null;
  readonly angle: null;
  readonly angleNearest: null;
  readonly decision: 'drop';
  readonly rule: 'undecodable';
}

export function undecodableRow(key: number | string, label: number): UndecodableRow {
  const nothing = { subcenter: null, dominant: null, angle: null, angleNearest: null };
  return { key, label, ...nothing, decision: 'drop', rule: 'undecodable' };
}

/** All rows, in data order, each made when asked for. */
export function* auditRows(audit: Audit, decision: Decision): Generator<AuditRow, void, undefined> {
  for (let i = 0; i < audit.images; i++) yield auditRow(audit, decision, i);
}

/** A row as a line of JSON, line feed included. */
export function auditLine(row: AuditRow | UndecodableRow): string {
  return `${JSON.stringify(row)}\n`;
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

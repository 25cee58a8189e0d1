import { isProposal } from '../apply-proposals.ts';
import { CleanerError } from '../cleaner-error.ts';
import { type Audit, degreesOf } from '../score.ts';
import type { AngleRule, AumRule, AutoRule, QuantileRule, Rule } from './rule.ts';

/*
 * What each rule says about each image, before guards, people and proposals have their say.
 */

/** `unresolved` images stay although the rule speaks against them: their identity would be lost otherwise. */
export type Verdict = 'keep' | 'drop' | 'unresolved';

/** All arrays are in data order; they are changed in place by the steps that follow. */
export interface Verdicts {
  readonly verdicts: Verdict[];
  readonly reasons: string[];
  /** The larger, the worse. */
  readonly suspicion: Float64Array;
}

/** @throws {CleanerError} `scores-missing`. */
export function judge(audit: Audit, rule: Rule): Verdicts {
  const judged = byKind(audit, rule);
  if (rule.requireDominant) dropBesideDominant(audit, rule.kind, judged);
  return judged;
}

function byKind(audit: Audit, rule: Rule): Verdicts {
  switch (rule.kind) {
    case 'angle':
      return byAngle(audit, rule);
    case 'quantile':
      return byQuantile(audit, rule);
    case 'auto':
      return byAuto(audit, rule);
    case 'aum':
      return byAum(audit, rule);
    case 'recorded':
      return byRecord(audit);
    case 'self-trained':
      return bySelfTrained(audit);
  }
}

function byAngle(audit: Audit, rule: AngleRule): Verdicts {
  // The comparison is of cosines, strictly, as the reference's; angles are only for people.
  const threshold = Math.cos((rule.degrees * Math.PI) / 180);
  const verdicts = Array.from(audit.cosine, (cosine): Verdict => (cosine > threshold ? 'keep' : 'drop'));
  return {
    verdicts,
    reasons: Array<string>(audit.images).fill('angle'),
    suspicion: audit.cosine.map(degreesOf),
  };
}

/** More than what a product of a share and a number of images is off by, and far less than an image. */
const ROUNDING = 1e-6;

function byQuantile(audit: Audit, { share, within = 'all' }: QuantileRule): Verdicts {
  const verdicts = Array<Verdict>(audit.images).fill('keep');
  const dropFurthest = (images: Int32Array): void => {
    const furthest = images.toSorted((a, b) => audit.cosine[a]! - audit.cosine[b]! || b - a);
    // A share of .29 of 100 images is 29 of them, though the product of the two floats is a little less.
    const count = Math.floor(images.length * share + ROUNDING);
    for (const image of furthest.subarray(0, count)) verdicts[image] = 'drop';
  };
  if (within === 'all') dropFurthest(Int32Array.from({ length: audit.images }, (_, i) => i));
  else for (const { images } of audit.identities) dropFurthest(images);
  return {
    verdicts,
    reasons: Array<string>(audit.images).fill('quantile'),
    suspicion: audit.cosine.map(degreesOf),
  };
}

/** Members of a second person's group rank with the surest bad images, whatever their own probability. */
const SECOND_PERSON_SUSPICION = 0.99;

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

function byAum(audit: Audit, { threshold = 0.5 }: AumRule): Verdicts {
  const { training } = audit;
  if (!training) {
    throw new CleanerError(
      'scores-missing',
      `the rule aum needs what the training run recorded: add it with 'withTrainingMargins'`,
    );
  }
  const suspicion = training.pClean.map((p) => 1 - p);
  return {
    verdicts: Array.from(suspicion, (pBad): Verdict => (pBad > threshold ? 'drop' : 'keep')),
    reasons: Array<string>(audit.images).fill('aum'),
    suspicion,
  };
}

function byRecord({ recorded, cosine, key }: Audit): Verdicts {
  if (!recorded) {
    throw new CleanerError(
      'scores-missing',
      `the rule recorded needs an audit that was read from its rows: see 'auditFromColumns'`,
    );
  }
  const { verdicts, reasons, pClean, movedTo, splitPerson } = recorded;
  const lost = reasons.findIndex(
    (reason, image) =>
      isProposal(reason) && verdicts[image] !== 'drop' && movedTo[image]! < 0 && splitPerson[image] === 0,
  );
  if (lost >= 0) {
    throw new CleanerError(
      'scores-missing',
      `image ${JSON.stringify(key(lost))} was moved by a proposal (${reasons[lost]}), and the audit does not say where to ` +
        `(neither 'movedTo' nor 'splitPerson'): make the audit again, or without --apply`,
    );
  }
  const suspicion = cosine.map((own, image) => {
    const p = pClean?.[image] ?? Number.NaN;
    return Number.isNaN(p) ? degreesOf(own) : 1 - p;
  });
  return { verdicts: [...verdicts], reasons: [...reasons], suspicion };
}

/** Wrong labels that the recorded training shows at least, and how many more than the embeddings show, once they are known by heart. */
const BY_HEART = { share: 0.03, times: 3 };

/**
 * Whether the training run of an audit recorded far more wrong labels than the embeddings show: the network has learned them by heart,
 * and the rule `self-trained` goes by the record. False without scores of strangers or a record.
 */
export function isLearnedByHeart({
  strangers,
  training,
  images,
}: Pick<Audit, 'strangers' | 'training' | 'images'>): boolean {
  if (!strangers || !training) return false;
  const late = training.pClean.reduce((count, p) => count + Number(p < 0.5), 0);
  return late > images * Math.max(BY_HEART.share, BY_HEART.times * strangers.share);
}

function bySelfTrained(audit: Audit): Verdicts {
  const { strangers, images } = audit;
  if (!strangers) {
    throw new CleanerError(
      'scores-missing',
      `the rule self-trained compares with strangers: add their scores with 'withStrangerScores'`,
    );
  }
  const { likeness } = strangers;
  if (isLearnedByHeart(audit)) {
    const judged = byAum(audit, { kind: 'aum' });
    return { ...judged, reasons: Array<string>(images).fill('self-trained:by-heart') };
  }
  const verdicts = Array.from(likeness, (value): Verdict => (value < strangers.cut ? 'drop' : 'keep'));
  const reasons = Array<string>(images).fill('self-trained');
  for (const { images: own } of audit.identities) {
    if (own.length === 0 || own.some((image) => verdicts[image] === 'keep')) continue;
    const best = own.reduce((a, b) => (likeness[b]! > likeness[a]! ? b : a));
    verdicts[best] = 'unresolved';
    reasons[best] = 'self-trained:last-image';
  }
  return { verdicts, reasons, suspicion: strangers.pBad.slice() };
}

function dropBesideDominant(audit: Audit, kind: Rule['kind'], { verdicts, reasons }: Verdicts): void {
  for (let i = 0; i < audit.images; i++) {
    if (verdicts[i] === 'drop' || audit.nearest[i] === audit.identities[audit.identityOf[i]!]!.dominant)
      continue;
    verdicts[i] = 'drop';
    reasons[i] = `${kind}:dominant`;
  }
}

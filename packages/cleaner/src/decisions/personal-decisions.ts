import type { Destinations } from '../apply-proposals.ts';
import { CleanerError } from '../cleaner-error.ts';
import type { Verdicts } from '../rules/verdicts.ts';
import type { Audit } from '../score.ts';

/*
 * What a person decided about single images. It stands above every rule.
 */

/**
 * One image's fate: it stays (with its identity, also where that is merged into another), it goes, or it stays under another label
 * (of the input).
 */
export interface PersonalDecision {
  readonly key: number | string;
  readonly decision: 'keep' | 'drop' | 'relabel';
  /** With `relabel`: a label of the input. */
  readonly label?: number | undefined;
}

/**
 * Writes people's decisions over a rule's.
 *
 * @returns The images that were decided on.
 * @throws {CleanerError} `invalid-decision` for an unknown key, a key of several images, a key twice, or a label that is no identity's.
 */
export function applyPersonalDecisions(
  audit: Audit,
  decisions: readonly PersonalDecision[],
  { verdicts, reasons }: Verdicts,
  { target, home }: Destinations,
): ReadonlySet<number> {
  const decided = new Set<number>();
  if (decisions.length === 0) return decided;
  const wanted = new Set(decisions.map(({ key }) => String(key)));
  const imageOf = new Map<string, number>();
  const ambiguous = new Set<string>();
  for (let i = 0; i < audit.images; i++) {
    const key = String(audit.key(i));
    if (!wanted.has(key)) continue;
    if (imageOf.has(key)) ambiguous.add(key);
    imageOf.set(key, i);
  }
  const positionOf = new Map(audit.identities.map(({ label }, position) => [label, position]));
  decisions.forEach(({ key, decision, label }, i) => {
    const invalid = (what: string): CleanerError =>
      new CleanerError('invalid-decision', `decision ${i + 1} (key ${JSON.stringify(key)}): ${what}`);
    const image = imageOf.get(String(key));
    if (image === undefined) throw invalid('there is no image with this key that could be judged');
    if (ambiguous.has(String(key))) throw invalid('several images have this key');
    if (decided.has(image)) throw invalid('this image is decided on twice');
    decided.add(image);
    if (decision === 'relabel') {
      const position = label === undefined ? undefined : positionOf.get(label);
      if (position === undefined) {
        throw invalid(`relabel needs the label of an identity, found ${label ?? 'none'}`);
      }
      target[image] = home[position]!;
    } else if (decision === 'keep') {
      target[image] = home[audit.identityOf[image]!]!;
    } else if (decision !== 'drop') {
      throw invalid(`expected keep, drop or relabel, found ${JSON.stringify(decision)}`);
    }
    verdicts[image] = decision === 'drop' ? 'drop' : 'keep';
    reasons[image] = 'person';
  });
  return decided;
}

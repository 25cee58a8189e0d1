import type { Destinations, OutputIdentity } from '../apply-proposals.ts';
import type { Audit } from '../score.ts';

/*
 * An audit that was made with proposals carried out, or with relabels of a person, moved images. Its rows say where each one went, so
 * that the rule `recorded` moves them again.
 */

/** Second persons are added behind the identities of the input, as when they were split off. */
export function repeatMoves(audit: Audit, { outputs, target, home }: Destinations): void {
  const { movedTo, splitPerson, reasons, verdicts } = audit.recorded!;
  const positionOf = new Map(audit.identities.map(({ label }, position) => [label, position]));
  const second: { readonly identity: OutputIdentity; readonly image: number }[] = [];
  for (let image = 0; image < audit.images; image++) {
    if (movedTo[image]! >= 0) {
      target[image] = positionOf.get(movedTo[image]!)!;
      if (reasons[image] === 'merge') home[audit.identityOf[image]!] = target[image]!;
    } else if (splitPerson[image]! > 0) {
      second.push({ identity: { position: audit.identityOf[image]!, person: splitPerson[image]! }, image });
    }
  }
  // What was dropped goes nowhere; were it taken back, it would go where its identity went.
  for (let image = 0; image < audit.images; image++) {
    if (verdicts[image] === 'drop') target[image] = home[audit.identityOf[image]!]!;
  }
  second.sort((a, b) => a.identity.position - b.identity.position || a.identity.person - b.identity.person);
  for (const { identity, image } of second) {
    const last = outputs.at(-1);
    const isLast = last?.position === identity.position && last.person === identity.person;
    target[image] = isLast ? outputs.length - 1 : outputs.push(identity) - 1;
  }
}

import type { OutputIdentity } from '../apply-proposals.ts';
import type { Audit } from '../score.ts';

/*
 * An audit that was made with proposals carried out, or with relabels of a person, moved images. Its rows say where each one went, so
 * that the rule `recorded` moves them again.
 */

/**
 * @param target Index into `outputs` of the identity that each image goes to; changed in place.
 * @param outputs One entry an identity of the input; second persons are added behind them, as when they were split off.
 */
export function repeatMoves(audit: Audit, target: Int32Array, outputs: OutputIdentity[]): void {
  const { movedTo, splitPerson } = audit.recorded!;
  const positionOf = new Map(audit.identities.map(({ label }, position) => [label, position]));
  const second: { readonly identity: OutputIdentity; readonly image: number }[] = [];
  for (let image = 0; image < audit.images; image++) {
    if (movedTo[image]! >= 0) target[image] = positionOf.get(movedTo[image]!)!;
    else if (splitPerson[image]! > 0) {
      second.push({ identity: { position: audit.identityOf[image]!, person: splitPerson[image]! }, image });
    }
  }
  second.sort((a, b) => a.identity.position - b.identity.position || a.identity.person - b.identity.person);
  for (const { identity, image } of second) {
    const last = outputs.at(-1);
    const isLast = last?.position === identity.position && last.person === identity.person;
    target[image] = isLast ? outputs.length - 1 : outputs.push(identity) - 1;
  }
}

import type { Audit } from '../score.ts';
import type { Verdicts } from './verdicts.ts';

/*
 * Guards look at what is left of an identity. They come after the rule, after applied proposals and after people.
 */

/** Takes the least suspicious of an identity's dropped images back, until it has as many as it must. */
export function keepAtLeast(
  audit: Audit,
  minimum: number,
  { verdicts, reasons, suspicion }: Verdicts,
  isFinal: (image: number) => boolean,
): void {
  if (minimum === 0) return;
  for (const { images } of audit.identities) {
    const dropped = images.filter((image) => verdicts[image] === 'drop');
    const missing = minimum - (images.length - dropped.length);
    if (missing <= 0) continue;
    const candidates = dropped.filter((image) => !isFinal(image));
    for (const image of candidates.sort((a, b) => suspicion[a]! - suspicion[b]! || a - b).slice(0, missing)) {
      verdicts[image] = 'unresolved';
      reasons[image] = 'keep-at-least';
    }
  }
}

/** Drops what is left of output identities that are too small. */
export function dropSmall(
  outputs: readonly (readonly number[])[],
  minimum: number,
  { verdicts, reasons }: Verdicts,
): void {
  for (const images of outputs) {
    if (images.length >= minimum) continue;
    for (const image of images) {
      verdicts[image] = 'drop';
      reasons[image] = 'small-identity';
    }
  }
}

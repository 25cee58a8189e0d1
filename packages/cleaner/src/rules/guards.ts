import type { Verdicts } from './verdicts.ts';

/*
 * Guards look at what is left of an identity of the output. They come after the rule, after applied proposals and after people.
 */

/**
 * Takes the least suspicious of the dropped images back that would go to an identity of the output, until it has as many as it must.
 *
 * @param target Identity of the output that each image goes to, or would.
 * @param isFinal Whether an image was decided on by a person.
 */
export function keepAtLeast(
  minimum: number,
  { verdicts, reasons, suspicion }: Verdicts,
  target: Int32Array,
  isFinal: (image: number) => boolean,
): void {
  if (minimum === 0) return;
  const kept = new Map<number, number>();
  const candidates = new Map<number, number[]>();
  for (const [image, output] of target.entries()) {
    if (verdicts[image] !== 'drop') kept.set(output, (kept.get(output) ?? 0) + 1);
    else if (!isFinal(image)) {
      const dropped = candidates.get(output);
      if (dropped) dropped.push(image);
      else candidates.set(output, [image]);
    }
  }
  for (const [output, images] of candidates) {
    const missing = minimum - (kept.get(output) ?? 0);
    if (missing <= 0) continue;
    for (const image of images.sort((a, b) => suspicion[a]! - suspicion[b]! || a - b).slice(0, missing)) {
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

/** The ways in which published face models want their pixels: what a file that says nothing may mean. */
import type { OnnxInputConvention } from './input-convention.ts';

/** An order of colours and a normalisation, by a name for messages. */
export interface InputCandidate extends Pick<OnnxInputConvention, 'channels' | 'mean' | 'std'> {
  readonly name: string;
}

type Triple = readonly [number, number, number];

/**
 * Means and deviations of red, green and blue. `(p - 127.5) / 128`, which some use, differs from the first by less than any
 * evidence could tell, and by too little to matter.
 */
const NORMALISATIONS: Readonly<Record<string, { readonly mean: Triple; readonly std: Triple }>> = {
  '-1..1': { mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] },
  '0..255': { mean: [0, 0, 0], std: [1, 1, 1] },
  '0..1': { mean: [0, 0, 0], std: [255, 255, 255] },
  "ImageNet's mean and deviation": { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] },
  "VGGFace2's mean": { mean: [131.0912, 103.8827, 91.4953], std: [1, 1, 1] },
};

/** All of them, the most common first. */
export const inputCandidates: readonly InputCandidate[] = Object.entries(NORMALISATIONS).flatMap(
  ([name, { mean, std }]) => [
    { name: `RGB, ${name}`, channels: 'RGB', mean, std },
    { name: `BGR, ${name}`, channels: 'BGR', mean: reversed(mean), std: reversed(std) },
  ],
);

function reversed([a, b, c]: Triple): Triple {
  return [c, b, a];
}

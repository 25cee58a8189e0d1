/**
 * LFW as a noisy training set: the people with many images are the identities, some of their images are replaced by
 * strangers and some get another identity's label. The people used here never appear in the pairs for verification.
 */
import { injectNoise } from '@arcface/cleaner';
import { type FaceDataset, filterDataset, relabelDataset } from '@arcface/recordio';
import type { Lfw, LfwPair } from './lfw.ts';

/** Fewest images that make a person an identity of the training set. */
const LEAST_IMAGES = 10;

export interface NoisyLfw {
  /** A view of all images. */
  readonly dataset: FaceDataset;
  /** 1 where an image does not show the person it is labelled as. */
  readonly bad: Uint8Array;
  /** Label of the person an image shows, -1 for a stranger. */
  readonly trueLabel: Int32Array;
}

/**
 * Half of the noise are strangers, half are swapped labels.
 *
 * @param all the images of all people, by path (`person/file.jpg`)
 * @param options.rate share of bad images, 0..1
 */
export function noisyLfw(
  lfw: Lfw,
  all: FaceDataset,
  options: { readonly rate: number; readonly seed: number },
): NoisyLfw {
  const positionOf = positionsByKey(all);
  const positions = (images: Iterable<string>) => Array.from(images, (image) => positionOf.get(image)!);

  const identities = trainedPeople(lfw);
  const images = positions(identities.flatMap((person) => lfw.people.get(person)!));
  const labels = identities.flatMap((person, label) => lfw.people.get(person)!.map(() => label));
  const strangers = positions(strangersOutsidePairs(lfw).flatMap((person) => lfw.people.get(person)!));

  const noise = injectNoise(labels, { kind: 'mixed', outsiders: strangers.length, ...options });
  const shown = noise.image.map((image, i) => (image >= 0 ? images[image]! : strangers[noise.outsider[i]!]!));
  return {
    dataset: relabelDataset(filterDataset(all, shown), noise.label, { names: new Map(identities.entries()) }),
    bad: noise.bad,
    trueLabel: noise.trueLabel,
  };
}

/** Official pairs of people who are not trained on. */
export function pairsOfUnseenPeople(lfw: Lfw): LfwPair[] {
  const trained = new Set(trainedPeople(lfw));
  return lfw.pairs.filter(
    ({ first, second }) => ![first, second].some((image) => trained.has(person(image))),
  );
}

/** Some of the images, in the given order. */
export function imagesByKey(all: FaceDataset, keys: readonly string[]): FaceDataset {
  const positionOf = positionsByKey(all);
  return filterDataset(
    all,
    keys.map((key) => positionOf.get(key)!),
  );
}

function positionsByKey(dataset: FaceDataset): ReadonlyMap<number | string, number> {
  return new Map(Array.from({ length: dataset.length }, (_, i) => [dataset.key(i), i]));
}

function trainedPeople(lfw: Lfw): string[] {
  return [...lfw.people].filter(([, images]) => images.length >= LEAST_IMAGES).map(([name]) => name);
}

function strangersOutsidePairs(lfw: Lfw): string[] {
  const taken = new Set(trainedPeople(lfw));
  for (const { first, second } of lfw.pairs) taken.add(person(first)).add(person(second));
  return [...lfw.people.keys()].filter((name) => !taken.has(name));
}

function person(image: string): string {
  return image.slice(0, image.indexOf('/'));
}

/**
 * The kinds of label noise that cleaning is measured on, injected into LFW: the people with ten images or more are the
 * identities, everybody else is an outsider (but for the long tail, where they are small identities, too).
 */
import { injectNoise, type NoiseKind, seededRandom } from '@arcface/cleaner';
import type { ImageEmbeddings } from './frozen-networks.ts';
import type { Lfw } from './lfw.ts';

export interface Scenario {
  /** As the table's row says it. */
  readonly name: string;
  readonly kind: NoiseKind;
  readonly rate: number;
  /** Adds 600 people of 2 to 9 images and 300 of one. */
  readonly longTail?: boolean;
  /** The F1 (for clean data: the share of good images dropped) that the automatic rule must reach. */
  readonly floor: number;
}

export const SCENARIOS: readonly Scenario[] = [
  { name: 'outsiders, 5 %', kind: 'open', rate: 0.05, floor: 0.987 },
  { name: 'outsiders, 20 %', kind: 'open', rate: 0.2, floor: 0.996 },
  { name: 'outsiders, 50 %', kind: 'open', rate: 0.5, floor: 0.998 },
  { name: 'swapped labels, 5 %', kind: 'closed', rate: 0.05, floor: 0.998 },
  { name: 'swapped labels, 20 %', kind: 'closed', rate: 0.2, floor: 1 },
  { name: 'swapped labels, 50 %', kind: 'closed', rate: 0.5, floor: 0.997 },
  { name: 'half and half, 5 %', kind: 'mixed', rate: 0.05, floor: 0.988 },
  { name: 'half and half, 20 %', kind: 'mixed', rate: 0.2, floor: 0.996 },
  { name: 'half and half, 50 %', kind: 'mixed', rate: 0.5, floor: 0.998 },
  { name: 'rates differ by identity, 40 %', kind: 'uneven', rate: 0.4, floor: 0.997 },
  { name: 'swaps in pairs, 20 %', kind: 'pairs', rate: 0.2, floor: 0.999 },
  { name: 'swaps in pairs, 40 %', kind: 'pairs', rate: 0.4, floor: 0.898 },
  { name: 'folders of two people, 70/30', kind: 'merge', rate: 0.3, floor: 0.997 },
  { name: 'long tail, 20 %', kind: 'mixed', rate: 0.2, longTail: true, floor: 0.943 },
  { name: 'nothing wrong: good images dropped', kind: 'open', rate: 0, floor: 0.001 },
];

/** Images, labels and what is wrong with them. */
export interface NoisyEmbeddings {
  /** [N, D], as the network gave them. */
  readonly embeddings: Float32Array;
  readonly dimensions: number;
  readonly labels: Int32Array;
  readonly bad: Uint8Array;
  /** -1 for an outsider. */
  readonly trueLabel: Int32Array;
  /** Path of every image. */
  readonly keys: readonly string[];
}

const LEAST_IMAGES = 10;
const TAIL = { small: 600, single: 300 };

export function injectScenario(
  lfw: Lfw,
  images: ImageEmbeddings,
  { kind, rate, longTail }: Scenario,
  seed: number,
): NoisyEmbeddings {
  const people = [...lfw.people].map(([name, of]) => ({ name, images: of }));
  const identities = people.filter((person) => person.images.length >= LEAST_IMAGES);
  let rest = people.filter((person) => person.images.length < LEAST_IMAGES);
  if (longTail) {
    const order = seededRandom(seed + 1000).permutation(rest.length);
    const shuffled = Array.from(order, (i) => rest[i]!);
    const small = shuffled.filter((person) => person.images.length > 1).slice(0, TAIL.small);
    const single = shuffled.filter((person) => person.images.length === 1).slice(0, TAIL.single);
    identities.push(...small, ...single);
    const used = new Set(identities);
    rest = rest.filter((person) => !used.has(person));
  }
  const paths = identities.flatMap((person) => person.images);
  const given = identities.flatMap((person, label) => person.images.map(() => label));
  const outsiders = rest.flatMap((person) => person.images);
  const noise = injectNoise(given, { kind, rate, seed, outsiders: outsiders.length });
  const keys = Array.from(noise.image, (image, i) =>
    image >= 0 ? paths[image]! : outsiders[noise.outsider[i]!]!,
  );
  const embeddings = new Float32Array(keys.length * images.dimensions);
  keys.forEach((key, i) => {
    embeddings.set(images.of(key), i * images.dimensions);
  });
  const { dimensions } = images;
  return { embeddings, dimensions, labels: noise.label, bad: noise.bad, trueLabel: noise.trueLabel, keys };
}

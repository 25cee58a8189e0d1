/**
 * Who is drawn. A person has traits that never change (the shape of the skull, eyes, nose, mouth and ears, the colour of
 * skin and iris, marks) and several *looks* that photos of that person come in: with other hair, glasses, a beard, ten
 * years older. Looks are why one centre per identity is not enough. Everything is drawn from a seed.
 *
 * Lengths are in pixels of an unturned face in a 112 x 112 image, measured from the middle of the head; x grows to the
 * right of the picture, y downwards.
 */
import { Random } from '@arcface/trainer';
import { type Colour, hsl, mix } from './colour.ts';

export const HAIR_STYLES = [
  'bald',
  'buzz',
  'short',
  'parted',
  'spiky',
  'receding',
  'curly',
  'afro',
  'fringe',
  'bob',
  'long',
  'bun',
  'tails',
] as const;
export type HairStyle = (typeof HAIR_STYLES)[number];

export const BEARD_STYLES = ['none', 'stubble', 'moustache', 'goatee', 'full'] as const;
export type BeardStyle = (typeof BEARD_STYLES)[number];

export const GLASSES_STYLES = ['none', 'round', 'square', 'half'] as const;
export type GlassesStyle = (typeof GLASSES_STYLES)[number];

/** What never changes about a person. */
export interface Traits {
  readonly skin: Colour;
  readonly face: {
    /** Half the width at the cheekbones. */
    readonly width: number;
    /** Widths relative to the cheekbones. */
    readonly forehead: number;
    readonly jaw: number;
    readonly chin: number;
    /** From the middle of the head to the tip of the chin. */
    readonly length: number;
  };
  readonly eyes: {
    readonly y: number;
    /** Half the distance between the pupils. */
    readonly spacing: number;
    /** Half the width and half the height of the opening. */
    readonly width: number;
    readonly height: number;
    /** Radians; positive lifts the outer corners. */
    readonly tilt: number;
    readonly iris: Colour;
    readonly irisRadius: number;
    /** How far the upper lid hangs, 0..1. */
    readonly lid: number;
  };
  readonly brows: {
    readonly gap: number;
    readonly thickness: number;
    readonly arch: number;
    readonly tilt: number;
    readonly length: number;
  };
  readonly nose: {
    readonly tip: number;
    readonly width: number;
    readonly bridge: number;
    /** How far it stands out, relative to the average. */
    readonly height: number;
  };
  readonly mouth: {
    readonly y: number;
    readonly width: number;
    readonly upper: number;
    readonly lower: number;
    readonly red: number;
  };
  readonly ears: { readonly size: number; readonly spread: number };
  /** Freckles, 0..1. */
  readonly freckles: number;
  readonly moles: readonly { readonly x: number; readonly y: number; readonly radius: number }[];
  /** Colour in the cheeks, 0..1. */
  readonly blush: number;
}

/** One of the ways a person looks. */
export interface Look {
  /** Share of the person's photos, 0..1. */
  readonly share: number;
  readonly hair: HairStyle;
  readonly hairColour: Colour;
  /** Extra height of the hair. */
  readonly hairVolume: number;
  /** On which side it is parted: -1 or 1. */
  readonly parting: number;
  readonly beard: BeardStyle;
  readonly glasses: GlassesStyle;
  readonly glassesColour: Colour;
  /** Wrinkles, 0..1. */
  readonly age: number;
  /** Make-up, 0..1. */
  readonly makeUp: number;
  readonly makeUpColour: Colour;
  /** A pose that photos of this look tend to, in radians. */
  readonly yaw: number;
  /** A cast of colour that photos of this look have. */
  readonly cast: Colour;
  readonly castStrength: number;
}

export interface Person {
  /** The path below the seed that this person was drawn from. */
  readonly id: string;
  readonly traits: Traits;
  /** The most frequent one first. */
  readonly looks: readonly Look[];
}

/** Shares of a person's looks. */
const LOOK_SHARES: readonly number[] = [0.6, 0.25, 0.15];

const SKINS: readonly Colour[] = [
  [255, 224, 204],
  [246, 205, 178],
  [236, 190, 158],
  [222, 170, 132],
  [203, 147, 108],
  [176, 120, 82],
  [143, 93, 62],
  [110, 70, 48],
  [84, 54, 40],
];

const IRISES: readonly Colour[] = [
  [62, 38, 24],
  [92, 58, 30],
  [124, 86, 40],
  [96, 112, 58],
  [70, 128, 96],
  [82, 134, 176],
  [120, 150, 170],
  [58, 84, 140],
];

const HAIRS: readonly Colour[] = [
  [22, 18, 18],
  [44, 30, 24],
  [78, 48, 30],
  [112, 72, 42],
  [150, 98, 54],
  [196, 150, 88],
  [226, 192, 128],
  [158, 66, 32],
  [120, 40, 28],
];

const SHORT_HAIR: readonly HairStyle[] = [
  'bald',
  'buzz',
  'short',
  'parted',
  'spiky',
  'receding',
  'curly',
  'afro',
];
const LONG_HAIR: readonly HairStyle[] = ['fringe', 'bob', 'long', 'bun', 'tails', 'curly', 'afro', 'short'];
const FRAMES: readonly Colour[] = [
  [30, 28, 30],
  [92, 54, 32],
  [140, 30, 40],
  [40, 60, 110],
  [150, 150, 156],
];

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.integer(from.length)]!;
}

/** Draws a person. The same seed and id give the same person. */
export function drawPerson(seed: number, id: string): Person {
  const random = Random.of(seed, 'person', id);
  const traits = drawTraits(random);
  // Which of two wardrobes hair, beards and make-up come from; no trait depends on it.
  const longHaired = random.float() < 0.5;
  return { id, traits, looks: drawLooks(random, longHaired, traits) };
}

function drawTraits(random: Random): Traits {
  const between = (low: number, high: number): number => random.uniform(low, high);
  const at = random.integer(SKINS.length - 1);
  const skin = mix(mix(SKINS[at]!, SKINS[at + 1]!, random.float()), hsl(between(5, 40), 0.6, 0.55), 0.12);
  return {
    skin,
    face: {
      width: between(31, 39.5),
      forehead: between(0.86, 1.02),
      jaw: between(0.66, 0.97),
      chin: between(0.2, 0.56),
      length: between(41, 51),
    },
    eyes: {
      y: between(-7, 1),
      spacing: between(12.8, 18.5),
      width: between(5.2, 8.2),
      height: between(2.7, 5),
      tilt: between(-0.22, 0.28),
      iris: mix(pick(random, IRISES), pick(random, IRISES), between(0, 0.35)),
      irisRadius: between(2.7, 3.7),
      lid: between(0, 1),
    },
    brows: {
      gap: between(6.4, 10.5),
      thickness: between(1.1, 4.2),
      arch: between(0, 4),
      tilt: between(-0.3, 0.14),
      length: between(0.95, 1.5),
    },
    nose: {
      tip: between(12, 20),
      width: between(4.6, 9.6),
      bridge: between(1.8, 4.4),
      height: between(0.7, 1.35),
    },
    mouth: {
      y: between(26.5, 33),
      width: between(8.5, 15.5),
      upper: between(1.2, 4.4),
      lower: between(1.8, 5.6),
      red: between(0.2, 0.6),
    },
    ears: { size: between(6.5, 11), spread: between(0.5, 5) },
    freckles: random.float() < 0.2 ? between(0.5, 1) : 0,
    moles: Array.from({ length: random.float() < 0.3 ? 1 + random.integer(2) : 0 }, () => ({
      x: between(-24, 24),
      y: between(8, 36),
      radius: between(0.7, 1.25),
    })),
    blush: between(0, 0.6),
  };
}

function drawLooks(random: Random, longHaired: boolean, traits: Traits): Look[] {
  const styles = longHaired ? LONG_HAIR : SHORT_HAIR;
  const darkSkin = traits.skin[0] < 160;
  const natural = mix(pick(random, darkSkin ? HAIRS.slice(0, 3) : HAIRS), pick(random, HAIRS), 0.12);
  const dyed = (): Colour => hsl(random.uniform(0, 360), 0.55, random.uniform(0.3, 0.55));
  const grey = mix(natural, [205, 203, 200], 0.8);
  const first: Look = {
    share: LOOK_SHARES[0]!,
    hair: pick(random, styles),
    hairColour: natural,
    hairVolume: random.uniform(1.5, 7),
    parting: random.float() < 0.5 ? -1 : 1,
    beard: !longHaired && random.float() < 0.5 ? pick(random, BEARD_STYLES) : 'none',
    glasses: random.float() < 0.15 ? pick(random, GLASSES_STYLES) : 'none',
    glassesColour: pick(random, FRAMES),
    age: random.float() < 0.3 ? random.uniform(0.3, 1) : random.uniform(0, 0.2),
    makeUp: longHaired && random.float() < 0.5 ? random.uniform(0.3, 0.9) : 0,
    makeUpColour: hsl(pick(random, [345, 355, 5, 15, 320]), 0.65, random.uniform(0.35, 0.5)),
    yaw: 0,
    cast: [255, 255, 255],
    castStrength: 0,
  };
  const second: Look = {
    ...first,
    share: LOOK_SHARES[1]!,
    hair: random.float() < 0.35 ? pick(random, styles) : first.hair,
    hairVolume: random.uniform(1.5, 7),
    parting: -first.parting,
    beard: longHaired ? 'none' : pick(random, BEARD_STYLES),
    glasses: first.glasses === 'none' ? pick(random, GLASSES_STYLES.slice(1)) : 'none',
    makeUp: longHaired ? random.uniform(0, 1) : 0,
    yaw: random.uniform(-0.18, 0.18),
  };
  const third: Look = {
    ...second,
    share: LOOK_SHARES[2]!,
    hair: pick(random, styles),
    hairColour: random.float() < 0.5 ? grey : longHaired ? dyed() : pick(random, HAIRS),
    beard: longHaired ? 'none' : pick(random, BEARD_STYLES),
    glasses: random.float() < 0.35 ? pick(random, GLASSES_STYLES.slice(1)) : 'none',
    age: Math.min(1, first.age + random.uniform(0.3, 0.7)),
    yaw: (random.float() < 0.5 ? -1 : 1) * random.uniform(0.15, 0.38),
    cast: hsl(random.uniform(0, 360), 0.7, 0.5),
    castStrength: random.uniform(0.06, 0.15),
  };
  return [first, second, third];
}

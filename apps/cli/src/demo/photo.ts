/** How a person is photographed: pose, light, expression, what hides the face, and what the camera does to it. */
import type { Random } from '@arcface/trainer';
import { type Colour, hsl, mix } from './colour.ts';
import type { Look, Person } from './person.ts';

export const OCCLUSIONS = ['cap', 'mask', 'sunglasses', 'hand', 'scarf'] as const;
export type Occlusion = (typeof OCCLUSIONS)[number];

/** Everything about one photo that is not the person. */
export interface Photo {
  /** Index among the person's looks. */
  readonly look: number;
  /** Radians: positive yaw turns the face to the right of the picture, positive pitch down, positive roll clockwise. */
  readonly pose: { readonly yaw: number; readonly pitch: number; readonly roll: number };
  readonly expression: {
    /** -1 (down) .. 1 (broad). */
    readonly smile: number;
    /** 0 (closed) .. 1. */
    readonly open: number;
    readonly brows: number;
    /** 1 is wide open, 0 closed. */
    readonly eyes: number;
    readonly gaze: readonly [number, number];
  };
  readonly light: {
    /** Where it comes from: -1 (left, above) .. 1 (right, below). */
    readonly x: number;
    readonly y: number;
    /** Contrast of light and shade, 0..1. */
    readonly strength: number;
    /** Overall brightness, 1 is neutral. */
    readonly gain: number;
    readonly tint: Colour;
    readonly tintStrength: number;
  };
  readonly background: readonly [Colour, Colour];
  readonly clothes: Colour;
  readonly occlusion?: Occlusion | undefined;
  readonly occlusionColour: Colour;
  /** Misalignment of the crop: shift in pixels, scale. */
  readonly crop: { readonly x: number; readonly y: number; readonly scale: number };
  /** Standard deviation of the blur, in pixels of the 112 x 112 image. */
  readonly blur: number;
  /** Standard deviation of the sensor's noise, 0..255. */
  readonly grain: number;
  readonly grey: boolean;
  /** JPEG quality. */
  readonly quality: number;
}

/** Draws the circumstances of one photo of a person. */
export function drawPhoto(random: Random, person: Person): Photo {
  const look = drawLook(random, person.looks);
  const { yaw, cast, castStrength } = person.looks[look]!;
  const between = (low: number, high: number): number => random.uniform(low, high);
  const normal = (sigma: number): number => {
    const sum = random.float() + random.float() + random.float() - 1.5;
    return 2 * sigma * sum;
  };
  const background = hsl(between(0, 360), between(0.05, 0.4), between(0.25, 0.8));
  const ownTint = hsl(between(0, 360), 0.6, 0.5);
  return {
    look,
    pose: { yaw: yaw + normal(0.18), pitch: normal(0.1), roll: normal(0.07) },
    expression: {
      smile: between(-0.2, 1),
      open: random.float() < 0.3 ? between(0.2, 0.9) : 0,
      brows: normal(0.5),
      eyes: random.float() < 0.05 ? 0.12 : between(0.7, 1.1),
      gaze: [normal(0.28), normal(0.15)],
    },
    light: {
      x: between(-1, 1),
      y: between(-1, 0.5),
      strength: between(0.1, 0.75),
      gain: Math.exp(normal(0.16)),
      tint: mix(ownTint, cast, castStrength > 0 ? 0.7 : 0),
      tintStrength: castStrength + between(0, 0.07),
    },
    background: [background, hsl(between(0, 360), between(0.05, 0.4), between(0.15, 0.7))],
    clothes: hsl(between(0, 360), between(0.1, 0.6), between(0.2, 0.6)),
    occlusion: random.float() < 0.1 ? OCCLUSIONS[random.integer(OCCLUSIONS.length)] : undefined,
    occlusionColour: hsl(between(0, 360), between(0.05, 0.6), between(0.15, 0.75)),
    crop: { x: normal(1.3), y: normal(1.3), scale: Math.exp(normal(0.04)) },
    blur: random.float() < 0.22 ? between(0.5, 1.4) : 0,
    grain: between(1, 7),
    grey: random.float() < 0.05,
    quality: Math.round(between(40, 92)),
  };
}

function drawLook(random: Random, looks: readonly Look[]): number {
  let left = random.float();
  for (const [index, { share }] of looks.entries()) {
    left -= share;
    if (left < 0) return index;
  }
  return 0;
}

/** What the networks of the end-to-end experiment start from, and what goes with each: the images as it takes them, and its tuned settings. */
import { type Backbone, backboneFromGraph, networkGraph } from '@arcface/backbones';
import { openFaceDataset } from '@arcface/recordio/node';
import type { AugmentationOptions } from '@arcface/trainer';
import { type DecodedFaces, decodeFaces, sharpDecoder } from 'arcface';
import type { Lfw } from './lfw.ts';
import { pretrainedStart } from './pretrained-start.ts';
import { STARTS, type StartName } from './results.ts';

export interface Start {
  readonly name: StartName;
  /** All of LFW, as the network takes it: prepared once, since that takes as long as training on it. */
  readonly faces: DecodedFaces;
  /** A network that has not been trained on these labels; the caller disposes it. */
  network(seed: number): Backbone;
  readonly epochs: number;
  /** Chosen on the validation pairs by `tune.ts`, for one sub-centre and for several apart. */
  readonly learningRates: Readonly<Record<'one' | 'several', number>>;
  readonly augmentation: AugmentationOptions;
}

export async function openStart(name: string, lfw: Lfw): Promise<Start> {
  if (name === 'scratch') return scratch(lfw);
  if (name === 'pretrained') return pretrainedStart(lfw);
  throw new Error(`--start must be one of ${STARTS.join(', ')}, got ${name}.`);
}

const NETWORK = { network: 'r8-narrow', inputSize: 56, embeddingSize: 128 } as const;
/**
 * Smaller initial weights than the reference's: in so few steps the reference's, which its 180,000 steps grow out of, leave networks
 * half trained (docs/experiment.md).
 */
const INITIAL_WEIGHTS = { distribution: 'uniform', fan: 'in', magnitude: 1 } as const;

async function scratch(lfw: Lfw): Promise<Start> {
  const size = { height: NETWORK.inputSize, width: NETWORK.inputSize };
  return {
    name: 'scratch',
    faces: await decodeFaces(await openFaceDataset(lfw.directory), { decoder: sharpDecoder, size }),
    network: (seed) =>
      backboneFromGraph({ ...networkGraph(NETWORK), initializer: INITIAL_WEIGHTS }, { seed }),
    epochs: 10,
    learningRates: { one: 0.03, several: 0.08 },
    augmentation: { mirror: 0.5, shift: 3, brightness: 0.125, contrast: 0.125 },
  };
}

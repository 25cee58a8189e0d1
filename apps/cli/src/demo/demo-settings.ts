/** How the demo's networks are trained: all three alike, so that what differs is the data (and the number of sub-centres). */
import type { BackboneConfig } from '@arcface/backbones';
import type { Margin } from '@arcface/subcenter-loss';
import type { TrainOptions } from '@arcface/trainer';

/** A small IR-ResNet: it has to learn on two cores while somebody waits. */
export const DEMO_NETWORK: BackboneConfig = {
  network: 'r8-narrow',
  embeddingSize: 64,
  inputSize: 32,
  dropout: 0.3,
};

/**
 * Gentler than the paper's m .5 and s 64, as a small network on few images needs. With m .5, training with one centre on
 * the noisy set comes close to failing (with s 20 it does fail), and any cleaning would look good beside it.
 */
export const DEMO_MARGIN: Partial<Margin> = { m2: 0.4, s: 16 };

/** The paper's. */
export const DEMO_SUBCENTERS = 3;
/** The paper's, in degrees. */
export const DEMO_THRESHOLD = 75;

const DEMO_EPOCHS = 8;

export function demoTrainOptions(seed: number, epochs = DEMO_EPOCHS): TrainOptions {
  return {
    duration: { epochs },
    batchSize: 32,
    seed,
    learningRate: 0.02,
    schedule: { kind: 'cosine' },
    warmup: { epochs: epochs * 0.05 },
    marginWarmup: { epochs: epochs * 0.375 },
    optimizer: { nesterov: true },
    augmentation: { shift: 2, brightness: 0.2, contrast: 0.2 },
    checkpoints: { everySteps: 0 },
  };
}

/** A small training run, the same on every backend and in a browser: nothing is read but by `data()`. */
import { createBackbone } from '@arcface/backbones';
import { SubcenterHead } from '@arcface/subcenter-loss';
import { Random, Sgd, trainableParameters, trainStep } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';

const STEPS = 3;
const BATCH = 16;
const LEARNING_RATE = 0.01;
const CLASSES = 5;
const SIDE = 32;
/** A MobileFaceNet of 32x32 pixels with one unit a stage and few channels: seconds even in plain JavaScript. */
const NETWORK = {
  network: 'y1',
  inputSize: SIDE,
  embeddingSize: 16,
  width: 0.125,
  blocks: [1, 1, 1, 1],
} as const;

/** How far two backends may be apart, relative: see {@link disagreement}. */
export const AGREEMENT = 1e-4;

export interface AgreementSteps {
  /** The loss of each step. */
  readonly losses: number[];
  /** All trained parameters after the last step, one behind the other. */
  readonly parameters: Float32Array;
  /** Tensors that the run left behind. */
  readonly leaked: number;
}

/** Trains the network with a sub-centre head (K = 3) by SGD, on the current backend. */
export async function runAgreementSteps(): Promise<AgreementSteps> {
  const before = tf.memory().numTensors;
  const backbone = createBackbone(NETWORK, { seed: 1 });
  const head = new SubcenterHead({ classes: CLASSES, embeddingSize: 16, margin: { s: 16 }, seed: 1 });
  const parameters = trainableParameters({ backbone, head });
  const sgd = new Sgd(parameters);
  const random = Random.of(1, 'agreement');
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const images = Uint8Array.from({ length: BATCH * SIDE * SIDE * 3 }, () => random.integer(256));
    const labels = Int32Array.from({ length: BATCH }, () => random.integer(CLASSES));
    const loss = trainStep(
      { backbone, head, sgd },
      { images, labels },
      { learningRate: LEARNING_RATE, seed: step },
    );
    losses.push((await loss.data())[0]!);
    loss.dispose();
  }
  const values: number[] = [];
  for (const { variable } of parameters) {
    for (const value of await variable.data()) values.push(value);
  }
  for (const owner of [sgd, head, backbone]) owner.dispose();
  return { losses, parameters: Float32Array.from(values), leaked: tf.memory().numTensors - before };
}

/** The largest of: a loss's relative difference, and the parameters' distance by their length. */
export function disagreement(actual: AgreementSteps, expected: AgreementSteps): number {
  const losses = expected.losses.map((loss, step) => Math.abs(actual.losses[step]! / loss - 1));
  let difference = 0;
  let length = 0;
  expected.parameters.forEach((value, i) => {
    difference += (actual.parameters[i]! - value) ** 2;
    length += value ** 2;
  });
  return Math.max(...losses, Math.sqrt(difference / length));
}

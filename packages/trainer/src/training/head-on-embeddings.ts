/**
 * Sub-centres on embeddings that do not change: the margin softmax and SGD, without a network. What takes days with the
 * network takes seconds, so that a dataset can be judged by sub-centres with any network that was trained on other data.
 */
import { SubcenterHead } from '@arcface/subcenter-loss';
import * as tf from '@tensorflow/tfjs-core';
import { eventLoopTurn } from '../data/event-loop-turn.ts';
import { shuffledOrder } from '../data/shuffle.ts';
import { Sgd } from '../optimisation/sgd.ts';
import { TrainingError } from '../training-error.ts';
import { checkGradients, HEAD_PARAMETER } from './train-step.ts';

/** Options of {@link trainHeadOnEmbeddings}. */
export interface HeadOnEmbeddingsOptions {
  /** [N, dimensions], row after row, need not be normalised. */
  readonly embeddings: Float32Array;
  readonly dimensions: number;
  /** Class of every row, 0..classes-1. */
  readonly labels: Int32Array;
  readonly classes: number;
  /** K. */
  readonly subcenters: number;
  /** Of the initial sub-centres and the order. Default 0. */
  readonly seed?: number;
  /** Default 30; the learning rate falls to a tenth after half of them and again after four fifths. */
  readonly epochs?: number;
  /** Default 128, or all rows where there are fewer. */
  readonly batchSize?: number;
  /** Default .1. */
  readonly learningRate?: number;
  readonly onProgress?: (epoch: number, loss: number) => void;
  /** Aborts between steps. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Trains K sub-centres for every class with the paper's margin (s 64, m .5).
 *
 * @returns [classes * K, dimensions], class-major, not normalised
 * @throws {TrainingError} `invalid-dataset` when rows and labels do not go together, `invalid-option`, `no-gradients`, `non-finite-loss`;
 *   SubcenterLossError for a label that is no class; the signal's reason
 */
export async function trainHeadOnEmbeddings(options: HeadOnEmbeddingsOptions): Promise<Float32Array> {
  const { embeddings, dimensions, labels, classes, subcenters, seed = 0, epochs = 30, signal } = options;
  if (labels.length === 0 || labels.length * dimensions !== embeddings.length) {
    throw new TrainingError(
      'invalid-dataset',
      `Expected ${labels.length} rows of ${dimensions}, one a label, got ${embeddings.length} numbers.`,
    );
  }
  checkNumbers(options);
  checkGradients();
  const batchSize = Math.min(options.batchSize ?? 128, labels.length);
  const head = new SubcenterHead({ classes, subcenters, embeddingSize: dimensions, seed });
  const sgd = new Sgd([{ name: HEAD_PARAMETER, kind: 'weight', variable: head.weights }]);
  try {
    for (let epoch = 0; epoch < epochs; epoch++) {
      const falls = [0.5, 0.8].filter((share) => epoch >= Math.floor(share * epochs)).length;
      const learningRate = (options.learningRate ?? 0.1) * 0.1 ** falls;
      const order = shuffledOrder(labels.length, { seed, epoch });
      let sum = 0;
      let steps = 0;
      for (let start = 0; start + batchSize <= labels.length; start += batchSize, steps++) {
        await eventLoopTurn();
        signal?.throwIfAborted();
        const batch = order.subarray(start, start + batchSize);
        const rows = new Float32Array(batchSize * dimensions);
        batch.forEach((image, i) => {
          rows.set(embeddings.subarray(image * dimensions, (image + 1) * dimensions), i * dimensions);
        });
        const loss = tf.tidy(() => {
          const x = tf.tensor2d(rows, [batchSize, dimensions]);
          const y = Int32Array.from(batch, (image) => labels[image]!);
          const { value, grads } = tf.variableGrads(() => head.loss(x, y), sgd.variables);
          sgd.step(grads, { learningRate });
          return value;
        });
        const [value = Number.NaN] = await loss.data();
        loss.dispose();
        if (!Number.isFinite(value))
          throw new TrainingError(
            'non-finite-loss',
            `The loss of epoch ${epoch} is ${value}. Are all embeddings finite? If so, lower the learning rate.`,
          );
        sum += value;
      }
      options.onProgress?.(epoch + 1, sum / steps);
    }
    return await head.exportWeights();
  } finally {
    sgd.dispose();
    head.dispose();
  }
}

function checkNumbers({ epochs = 30, batchSize = 128, learningRate = 0.1 }: HeadOnEmbeddingsOptions): void {
  const check = (name: string, value: number, isValid: boolean, expected: string): void => {
    if (!isValid) throw new TrainingError('invalid-option', `${name} must be ${expected}, got ${value}.`);
  };
  // Batches of no image would never come to the end of an epoch.
  for (const [name, value] of Object.entries({ epochs, batchSize }))
    check(name, value, Number.isSafeInteger(value) && value >= 1, 'a whole number of at least 1');
  check('learningRate', learningRate, learningRate > 0 && Number.isFinite(learningRate), 'positive');
}

/** What is refused before the first step, because it would fail, or go wrong silently, hours later. */
import type { Backbone } from '@arcface/backbones';
import type { FaceDataset } from '@arcface/recordio';
import type { CheckpointStore } from '../checkpoints/checkpoint-store.ts';
import { TrainingError } from '../training-error.ts';
import { checkFrozen } from './frozen-parameters.ts';
import type { HeadDescription } from './head-description.ts';
import type { ResolvedTrainOptions } from './train-options.ts';
import { needsOneCentre, type TrainingLoss, trainsHead } from './training-loss.ts';

/** The parts of a model that are looked at. */
interface CheckedModel {
  readonly backbone: Backbone;
  readonly head: HeadDescription;
}

/** Bytes of the largest array that there is in Node 20 and in browsers. */
const LARGEST_ARRAY = 2 ** 32;

/**
 * @throws {TrainingError} `invalid-option` for a run whose checkpoints could not be written, after hours of training: its store takes a
 *   file as one array only
 */
export function checkCheckpointSize({ backbone, head }: CheckedModel, store: CheckpointStore): void {
  if (store.writePieces) return;
  const network = [...backbone.parameters.values()].reduce((sum, { variable }) => sum + variable.size, 0);
  const ofHead = head.classes * head.subcenters * head.embeddingSize;
  // Weights and momentum.
  const bytes = 2 * 4 * (network + ofHead);
  if (bytes < LARGEST_ARRAY) return;
  throw new TrainingError(
    'invalid-option',
    `A checkpoint of ${head.classes} classes with ${head.subcenters} sub-centres of ${head.embeddingSize} numbers takes ${(bytes / 2 ** 30).toFixed(1)} GiB, and this store writes files of less than 4 (it has no writePieces). Give a store that has, take fewer sub-centres, shorter embeddings, or leave out identities with few images.`,
  );
}

/** Sub-centres that can be told apart in one byte of a record. */
const RECORDED_SUBCENTERS = 256;

/** @throws {TrainingError} `invalid-option` for options that the model cannot follow */
export function checkModelOptions(options: ResolvedTrainOptions, { backbone, head }: CheckedModel): void {
  checkFrozen(backbone, options.frozen);
  if ('scale' in head && head.scale !== undefined) {
    throw new TrainingError(
      'invalid-option',
      'The head learns its scale (learnScale), which a run does not train or store: give a margin with the scale that it is to have.',
    );
  }
  if (needsOneCentre(options.loss) && head.subcenters !== 1) {
    throw new TrainingError(
      'invalid-option',
      `loss ${options.loss.kind} has one row of weights a class, and the head has ${head.subcenters} sub-centres.`,
    );
  }
  if (!trainsHead(options.loss) && options.frozen.includes('*')) {
    throw new TrainingError(
      'invalid-option',
      `With loss ${options.loss.kind} and a frozen network nothing is trained.`,
    );
  }
  if (options.dynamics && head.subcenters > RECORDED_SUBCENTERS) {
    throw new TrainingError(
      'invalid-option',
      `dynamics can be recorded for up to ${RECORDED_SUBCENTERS} sub-centres a class, and the head has ${head.subcenters}; set it to false.`,
    );
  }
}

/**
 * @throws {TrainingError} `invalid-dataset` for an empty dataset, for one of a single identity, a label outside the head's classes (naming the
 *   record), or a class without an image; `parameter-mismatch` when head and backbone do not fit each other
 */
export function checkTrainingData(
  dataset: FaceDataset,
  { backbone, head }: CheckedModel,
  loss: TrainingLoss = { kind: 'margin' },
): void {
  if (head.embeddingSize !== backbone.embeddingSize) {
    throw new TrainingError(
      'parameter-mismatch',
      `The network ${backbone.name} gives embeddings of ${backbone.embeddingSize} values, but the head takes ${head.embeddingSize}.`,
    );
  }
  if (dataset.length === 0) throw new TrainingError('invalid-dataset', 'The dataset has no image.');
  if (head.classes < 2) {
    throw new TrainingError(
      'invalid-dataset',
      'The dataset has one identity, and nothing to tell it from. Training needs two, better thousands.',
    );
  }
  const images = new Uint32Array(head.classes);
  dataset.labels.forEach((label, position) => {
    if (label < 0 || label >= head.classes) {
      const key = dataset.key(position);
      throw new TrainingError(
        'invalid-dataset',
        `Image ${key} has label ${label}; the head has ${head.classes} classes, so labels must be in 0..${head.classes - 1}.`,
        { keys: [key] },
      );
    }
    images[label]!++;
  });
  if (!trainsHead(loss) && (head.classes < 2 || images.every((count) => count < 2))) {
    throw new TrainingError(
      'invalid-dataset',
      `Loss ${loss.kind} needs two images of one identity and one of another, and there are no such images.`,
    );
  }
  const empty = [...images.keys()].filter((label) => images[label] === 0);
  if (empty.length > 0) {
    const examples = empty.slice(0, 5).join(', ') + (empty.length > 5 ? ', ...' : '');
    throw new TrainingError(
      'invalid-dataset',
      `${empty.length} of ${head.classes} classes have no image (${examples}). Number the labels without gaps, or give the head as many classes as there are identities.`,
    );
  }
}

/** A complete training run that takes a second: a narrow network, a small head and drawn-at-random "faces". */
import { createRequire } from 'node:module';
import { createBackbone } from '@arcface/backbones';
import { type Margin, SubcenterHead } from '@arcface/subcenter-loss';
import { MemoryCheckpointStore } from './checkpoint-store.ts';
import { type RawFacesOptions, rawDecoder, rawFaces } from './raw-faces.fixture.ts';
import type { TrainingRun } from './train.ts';
import type { TrainOptions } from './train-options.ts';

/** tfjs-core's bundle for Node brings no gradients; its ES modules for them are loaded through tsx here. */
export function registerGradients(): void {
  createRequire(import.meta.url)('@tensorflow/tfjs-core/dist/register_all_gradients.js');
}

export const INPUT_SIZE = 16;

export interface TinyRunOptions {
  readonly options?: TrainOptions;
  readonly faces?: Partial<RawFacesOptions>;
  readonly margin?: Partial<Margin>;
  readonly subcenters?: number;
}

/** A fresh run; the caller disposes `backbone` and `head` (see {@link disposeRun}). */
export function tinyRun({ options, faces, margin, subcenters = 2 }: TinyRunOptions = {}) {
  const dataset = rawFaces({
    identities: 4,
    imagesPerIdentity: 6,
    height: INPUT_SIZE,
    width: INPUT_SIZE,
    ...faces,
  });
  const backbone = createBackbone(
    { network: 'y1', width: 0.125, embeddingSize: 8, inputSize: INPUT_SIZE },
    { seed: 1 },
  );
  const head = new SubcenterHead({
    classes: 4,
    subcenters,
    embeddingSize: 8,
    seed: 2,
    margin: { s: 8, m2: 0.1, ...margin },
  });
  return {
    backbone,
    head,
    dataset,
    decoder: rawDecoder,
    store: new MemoryCheckpointStore(),
    options: { duration: { epochs: 2 }, batchSize: 6, learningRate: 0.05, seed: 7, ...options },
  };
}

export function disposeRun({ backbone, head }: Pick<TrainingRun, 'backbone' | 'head'>): void {
  backbone.dispose();
  head.dispose();
}

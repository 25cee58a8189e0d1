import { expect, test } from 'vitest';
import * as api from './index.ts';
import * as node from './node/index.ts';

test('exports of @arcface/trainer', () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "DataLoader",
      "HEAD_PARAMETER",
      "MemoryCheckpointStore",
      "Random",
      "Sgd",
      "TrainingError",
      "augment",
      "backboneFromCheckpoint",
      "checkpointFileName",
      "checkpointStep",
      "checkpointSubcenters",
      "datasetFingerprint",
      "decodeCheckpoint",
      "decodeImage",
      "embedImages",
      "encodeCheckpoint",
      "latestCheckpoint",
      "learningRateAt",
      "lfwImageName",
      "listCheckpoints",
      "marginShareAt",
      "mirrorImage",
      "networkTensors",
      "pairDistances",
      "parsePairs",
      "pruneCheckpoints",
      "resolveTrainOptions",
      "shuffledOrder",
      "train",
      "trainStep",
      "trainableParameters",
      "trainingEvents",
      "verifyDistances",
      "verifyImages",
      "verifyPairs",
    ]
  `);
});

test('exports of @arcface/trainer/node', () => {
  expect(Object.keys(node).toSorted()).toMatchInlineSnapshot(`
    [
      "FileCheckpointStore",
      "JsonLinesLog",
      "readJsonLines",
    ]
  `);
});

import { expect, test } from 'vitest';
import * as api from './index.ts';
import * as node from './node/index.ts';
import * as decodingThread from './node/serve-decoder.ts';

test('exports of @arcface/trainer', () => {
  expect(Object.keys(api).toSorted()).toMatchInlineSnapshot(`
    [
      "DataLoader",
      "HEAD_PARAMETER",
      "MemoryCheckpointStore",
      "Random",
      "Sgd",
      "TrainingError",
      "acceptRates",
      "augment",
      "backboneFromCheckpoint",
      "checkpointFileName",
      "checkpointStep",
      "checkpointSubcenters",
      "datasetFingerprint",
      "decodeCheckpoint",
      "decodeEpochDynamics",
      "decodeImage",
      "embedImages",
      "encodeCheckpoint",
      "encodeEpochDynamics",
      "epochDynamicsFileName",
      "identify",
      "isPathPairs",
      "latestCheckpoint",
      "learningRateAt",
      "lfwImageName",
      "listCheckpoints",
      "listEpochDynamics",
      "loadCheckpoint",
      "marginShareAt",
      "mirrorImage",
      "networkTensors",
      "onnxEmbedder",
      "openCheckpoint",
      "pairDistances",
      "parseCfpPairs",
      "parsePairs",
      "parsePathPairs",
      "parseTemplateMembers",
      "parseTemplatePairs",
      "poolTemplates",
      "pruneCheckpoints",
      "resolveTrainOptions",
      "shuffledOrder",
      "sideBySide",
      "templateDistances",
      "train",
      "trainHeadOnEmbeddings",
      "trainStep",
      "trainableParameters",
      "trainingEvents",
      "verifyDistances",
      "verifyImages",
      "verifyPairs",
      "withFrozenStatistics",
    ]
  `);
});

test('exports of @arcface/trainer/node', () => {
  expect(Object.keys(node).toSorted()).toMatchInlineSnapshot(`
    [
      "FileCheckpointStore",
      "JsonLinesLog",
      "TensorBoardLog",
      "embedderData",
      "rankData",
      "readJsonLines",
      "serveEmbedder",
      "serveRank",
      "startDecodingThread",
      "startEmbeddingThreads",
      "startRankThreads",
    ]
  `);
});

test('exports of @arcface/trainer/decoding-thread', () => {
  expect(Object.keys(decodingThread)).toEqual(['serveDecoder']);
});

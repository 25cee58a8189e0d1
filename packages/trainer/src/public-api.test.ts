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
      "marginShareAt",
      "mirrorImage",
      "networkTensors",
      "onnxEmbedder",
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
      "rankData",
      "readJsonLines",
      "serveDecoder",
      "serveRank",
      "startDecodingThread",
      "startRankThreads",
    ]
  `);
});

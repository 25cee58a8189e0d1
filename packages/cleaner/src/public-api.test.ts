import { expect, it } from 'vitest';
import * as api from './index.ts';

it('exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "CleanerError",
      "HASH_BYTES",
      "SubcenterScorer",
      "angleHistogram",
      "assembleSubcenters",
      "auditLine",
      "auditRow",
      "auditRows",
      "autoScores",
      "confusionByKind",
      "confusionMetrics",
      "decide",
      "degreesOf",
      "differenceHash",
      "findNearDuplicates",
      "hashDistance",
      "identitiesFromLabels",
      "injectNoise",
      "metricIntervals",
      "metrics",
      "rankMetrics",
      "score",
      "scoreByModes",
      "seededRandom",
      "summarise",
      "sweepThresholds",
      "wilson",
      "withAutoScores",
      "withTrainingMargins",
    ]
  `);
});

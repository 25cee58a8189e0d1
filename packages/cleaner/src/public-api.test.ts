import { expect, it } from 'vitest';
import * as api from './index.ts';

it('exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "CleanerError",
      "angleHistogram",
      "assembleSubcenters",
      "auditLine",
      "auditRow",
      "auditRows",
      "autoScores",
      "confusionMetrics",
      "decide",
      "degreesOf",
      "identitiesFromLabels",
      "injectNoise",
      "metrics",
      "rankMetrics",
      "score",
      "scoreByModes",
      "seededRandom",
      "summarise",
      "sweepThresholds",
      "withAutoScores",
    ]
  `);
});

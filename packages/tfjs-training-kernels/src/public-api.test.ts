import { expect, it } from 'vitest';
import * as api from './index.ts';

it('exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "SMALLEST_ANGLE",
      "TrainingKernelsError",
      "angularMargin",
      "batchNormTraining",
      "groupedConv2d",
      "holdGradient",
      "isOwnClass",
      "marginSoftmax",
      "maxOfGroupsGradient",
      "registerTensorFlowKernels",
      "releaseGradientsEarly",
    ]
  `);
});

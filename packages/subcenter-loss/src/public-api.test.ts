import { expect, it } from 'vitest';
import * as api from './index.ts';

it('exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "HeadMonitor",
      "StreamingHead",
      "SubcenterHead",
      "SubcenterLossError",
      "angularTripletLoss",
      "classSizeMargins",
      "initialSubcenters",
      "marginSoftmaxLoss",
      "margins",
      "ownSubcenterCosines",
      "rankBlock",
      "resolveMargin",
      "singleRank",
      "softmaxLoss",
      "subcenterCosines",
      "tripletLoss",
    ]
  `);
});

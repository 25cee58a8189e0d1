import { expect, it } from 'vitest';
import * as api from './index.ts';

it('exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "BackbonesError",
      "backboneFromGraph",
      "backboneFromMxnet",
      "batchNorm",
      "checkpointName",
      "complexity",
      "createBackbone",
      "exportParameters",
      "importParameters",
      "listNetworks",
      "networkGraph",
      "outputHeads",
      "parseNdArrays",
      "parseNetworkGraph",
      "parseSafetensors",
      "readMxnetSymbol",
      "serializeMxnetSymbol",
      "serializeNdArrays",
      "serializeSafetensors",
      "toFloat32",
    ]
  `);
});

import { expect, it } from 'vitest';
import * as api from './index.ts';

it('exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "BackbonesError",
      "backboneFromGraph",
      "backboneFromMxnet",
      "backboneToMxnet",
      "batchNorm",
      "checkpointName",
      "complexity",
      "createBackbone",
      "exportOnnx",
      "exportParameters",
      "formatOnnxInput",
      "importParameters",
      "inferenceBackbone",
      "inputPixels",
      "listNetworks",
      "networkGraph",
      "networkParameters",
      "outputHeads",
      "parseNdArrays",
      "parseNetworkGraph",
      "parseOnnxInput",
      "parseSafetensors",
      "readMxnetSymbol",
      "recogniseNetwork",
      "resolveOnnxInput",
      "serializeMxnetSymbol",
      "serializeNdArrays",
      "serializeSafetensors",
      "serializeSafetensorsHeader",
      "toFloat32",
    ]
  `);
});

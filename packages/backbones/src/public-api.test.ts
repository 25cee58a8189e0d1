import { expect, it } from 'vitest';
import * as api from './index.ts';

it('exports these names', () => {
  expect(Object.keys(api).sort()).toMatchInlineSnapshot(`
    [
      "BackbonesError",
      "ELEMENT_BYTES",
      "backboneFromGraph",
      "backboneFromMxnet",
      "backboneToMxnet",
      "batchNorm",
      "bytesOfValues",
      "checkpointName",
      "complexity",
      "createBackbone",
      "elementCount",
      "exportOnnx",
      "exportParameters",
      "formatOnnxInput",
      "importParameters",
      "inferenceBackbone",
      "inputPixels",
      "listNetworks",
      "nearestNames",
      "networkGraph",
      "networkParameters",
      "outputHeads",
      "parseNdArrays",
      "parseNetworkGraph",
      "parseOnnxInput",
      "parseSafetensors",
      "readMxnetSymbol",
      "readSafetensorsHeader",
      "recogniseNetwork",
      "resolveOnnxInput",
      "serializeMxnetSymbol",
      "serializeNdArrays",
      "serializeSafetensors",
      "serializeSafetensorsHeader",
      "toFloat32",
      "valuesOfBuffer",
    ]
  `);
});

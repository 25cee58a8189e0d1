import { expect, test } from 'vitest';
import * as root from './index.ts';

test('the exported names', () => {
  expect(Object.keys(root)).toMatchInlineSnapshot(`
    [
      "byteLengthOf",
      "elementTypes",
      "OnnxFormatError",
      "parseOnnxModel",
      "tensorOf",
      "tensorValues",
      "onnxModelPieces",
      "serializeOnnxModel",
    ]
  `);
});

import { expect, it } from 'vitest';
import type { OnnxAttributeValue } from './model.ts';
import { parseOnnxModel } from './read-model.ts';
import { sampleModel } from './testing/sample-model.ts';
import { serializeOnnxModel } from './write-model.ts';

function written(value: OnnxAttributeValue): OnnxAttributeValue {
  const model = sampleModel();
  const [node] = model.graph.nodes;
  const nodes = [{ ...node!, attributes: { value } }];
  const bytes = serializeOnnxModel({ ...model, graph: { ...model.graph, nodes } });
  return parseOnnxModel(bytes).graph.nodes[0]!.attributes.value!;
}

it('writes integers of any sign and size', () => {
  const integers = [0, -1, 127, 128, 2 ** 31, -(2 ** 31), 2 ** 53 - 1, 2n ** 62n, -(2n ** 63n)];
  expect(written(integers)).toEqual(integers);
  for (const value of integers) expect(written(value)).toEqual(value);
});

it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
  'refuses %d where an integer belongs',
  (value) => {
    const refused = expect.objectContaining({
      code: 'invalid-model',
      message: expect.stringContaining('"value"'),
    });
    expect(() => written(value)).toThrowError(refused);
    expect(() => written([1, value])).toThrowError(refused);
  },
);

import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { backboneFromGraph } from '../backbone.ts';
import { BackbonesError } from '../backbones-error.ts';
import { complexity } from '../graph/complexity.ts';
import { parseNetworkGraph } from '../graph/parse-network-graph.ts';
import { exportOnnx } from '../onnx/onnx-writer.ts';
import { exportParameters } from '../parameters/parameter-arrays.ts';
import { setFastBackend } from '../testing/backend.ts';
import { deterministicImages } from '../testing/deterministic-values.ts';
import { runOnnx } from '../testing/onnx-runtime.ts';
import { dataFolder, dataIsAbsent } from '../testing/oracle.ts';
import { backboneFromMxnet } from './mxnet-backbone.ts';
import { parseNdArrays, serializeNdArrays } from './ndarray-file.ts';
import { readMxnetSymbol } from './symbol-reader.ts';
import { serializeMxnetSymbol } from './symbol-writer.ts';

beforeAll(async () => {
  await setFastBackend();
});

function failure(act: () => unknown): BackbonesError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(BackbonesError);
    return error as BackbonesError;
  }
  throw new Error('expected a failure');
}

describe.skipIf(dataIsAbsent)('a real checkpoint (needs ../shared)', () => {
  const folder = `${dataFolder}mobilefacenet-y1/`;
  const symbol = dataIsAbsent ? '' : readFileSync(`${folder}model-symbol.json`, 'utf8');
  const params = dataIsAbsent ? new Uint8Array() : new Uint8Array(readFileSync(`${folder}model-0000.params`));

  it('is bound by the names of its own symbol, embeds, and is written again byte for byte', () => {
    const tensors = tf.memory().numTensors;
    const backbone = backboneFromMxnet({ symbol, params, name: 'mobilefacenet-y1' });
    expect([...backbone.parameters.keys()]).toContain('fc1_weight');
    expect([backbone.embeddingSize, backbone.inputShape]).toEqual([128, [112, 112, 3]]);
    expect(complexity(backbone.graph).parameters).toBe(1003264);

    const embeddings = tf.tidy(() => {
      const images = tf.tensor4d(deterministicImages(2), [2, 112, 112, 3], 'int32');
      return backbone.apply(images).arraySync();
    });
    // A trained network keeps its embeddings at the scale of its last batch norm, and tells images apart.
    for (const embedding of embeddings) {
      expect(Math.hypot(...embedding)).toBeGreaterThan(1);
      expect(Math.hypot(...embedding)).toBeLessThan(100);
    }
    expect(embeddings[0]).not.toEqual(embeddings[1]);

    const exported = new Map(exportParameters(backbone).map((array) => [array.name, array]));
    const { names } = parseNdArrays(params);
    const written = serializeNdArrays({ names, arrays: names.map((name) => exported.get(name)!) });
    expect(Buffer.from(written).equals(Buffer.from(params))).toBe(true);
    backbone.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('says what is missing when its files do not belong together', () => {
    const { names, arrays } = parseNdArrays(params);
    const without = serializeNdArrays({ names: names.slice(1), arrays: arrays.slice(1) });
    const error = failure(() => backboneFromMxnet({ symbol, params: without }));
    expect(error.code).toBe('parameter-names');
    expect(error.message).toContain(`1 missing: ${names[0]}`);
  });

  it('is refused, never worse, when its symbol is damaged', () => {
    const json = JSON.parse(symbol) as { nodes: Record<string, unknown>[]; heads: unknown };
    const junk = fc.oneof(
      fc.constant('null'),
      fc.constant('x'),
      fc.constant(-1),
      fc.constant([[5, 0]]),
      fc.constant({}),
    );
    const edit = fc.record({
      node: fc.nat(json.nodes.length - 1),
      key: fc.constantFrom('op', 'name', 'inputs', 'attrs'),
      value: junk,
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
        const damaged = structuredClone(json);
        for (const { node, key, value } of edits) {
          damaged.nodes[node]![key] = value;
        }
        try {
          complexity(readMxnetSymbol(JSON.stringify(damaged)));
        } catch (error) {
          expect(error).toBeInstanceOf(BackbonesError);
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe('symbols', () => {
  const data = { op: 'null', name: 'data', inputs: [] };
  const symbol = (nodes: object[], head = nodes.length - 1): string =>
    JSON.stringify({ nodes: [data, ...nodes], heads: [[head + 1, 0, 0]] });
  const convolution = (attrs: Record<string, string>): string =>
    symbol([
      { op: 'null', name: 'w', inputs: [] },
      {
        op: 'Convolution',
        name: 'c',
        attrs,
        inputs: [
          [0, 0],
          [1, 0],
        ],
      },
    ]);

  it('of older MXNet versions are read: attributes by another name, auxiliary states left out', () => {
    const graph = readMxnetSymbol(
      symbol([
        { op: 'null', name: 'bn_gamma', inputs: [] },
        { op: 'null', name: 'bn_beta', inputs: [] },
        {
          op: 'BatchNorm',
          name: 'bn',
          param: { eps: '0.5' },
          inputs: [
            [0, 0],
            [1, 0],
            [2, 0],
          ],
        },
      ]),
      { inputShape: [4, 4, 3] },
    );
    expect(graph.nodes[0]).toMatchObject({
      layer: { epsilon: 0.5, fixGamma: true },
      parameters: { gamma: 'bn_gamma', mean: 'bn_moving_mean', variance: 'bn_moving_var' },
    });
  });

  it('of the first versions have other names for scalars and sums', () => {
    const graph = readMxnetSymbol(
      symbol([
        { op: '_MinusScalar', name: 'shifted', param: { scalar: '127.5' }, inputs: [[0, 0]] },
        { op: '_MulScalar', name: 'scaled', attr: { scalar: '0.0078125' }, inputs: [[1, 0]] },
        {
          op: 'ElementWiseSum',
          name: 'fc1',
          param: { num_args: '2' },
          inputs: [
            [1, 0],
            [2, 0],
          ],
        },
      ]),
    );
    expect(graph.nodes.map(({ layer }) => layer)).toEqual([
      { kind: 'scale', offset: 127.5, factor: 1 },
      { kind: 'scale', offset: 0, factor: 0.0078125 },
      { kind: 'add' },
    ]);
  });

  // As MXNet 1.9.1 exports a HybridBlock under npx.set_np().
  it('of numpy mode have names of their own for arithmetic', () => {
    const graph = readMxnetSymbol(
      symbol([
        {
          op: '_npi_subtract_scalar',
          name: 'a',
          attrs: { is_int: 'False', scalar: '127.5' },
          inputs: [[0, 0]],
        },
        {
          op: '_npi_true_divide_scalar',
          name: 'b',
          attrs: { is_int: 'True', scalar: '2.0' },
          inputs: [[1, 0]],
        },
        {
          op: '_npi_add',
          name: 'fc1',
          inputs: [
            [1, 0],
            [2, 0],
          ],
        },
      ]),
    );
    expect(graph.nodes.map(({ layer }) => layer)).toEqual([
      { kind: 'scale', offset: 127.5, factor: 1 },
      { kind: 'scale', offset: 0, factor: 0.5 },
      { kind: 'add' },
    ]);
  });

  it('take their images by the first variable, whatever it is called, or by the one that is said', () => {
    const text = symbol([{ op: 'Flatten', name: 'fc1', inputs: [[0, 0]] }]).replace('"data"', '"images"');
    expect(readMxnetSymbol(text).input).toBe('images');
    expect(readMxnetSymbol(text, { input: 'images' }).nodes[0]?.inputs).toEqual(['images']);
    expect(failure(() => readMxnetSymbol(text, { input: 'data' })).message).toContain(
      'no variable "data" to take as input; the first is "images"',
    );
  });

  it('with windows that stick out at the end are read, and written as they were', () => {
    const attrs = {
      ...{ kernel: '(3, 3)', stride: '(2, 2)', pad: '()', pool_type: 'max' },
      pooling_convention: 'full',
    };
    const text = symbol([{ op: 'Pooling', name: 'fc1', attrs, inputs: [[0, 0]] }]);
    const graph = readMxnetSymbol(text, { inputShape: [8, 6, 3] });
    expect(complexity(graph).layers[0]?.outputShape).toEqual([4, 3, 3]);
    const again = readMxnetSymbol(serializeMxnetSymbol(graph), { inputShape: [8, 6, 3] });
    expect(again.nodes).toEqual(graph.nodes);
    const same = text.replace('"full"', '"same"');
    expect(failure(() => readMxnetSymbol(same)).message).toContain('the pooling convention same');
  });

  it('are cut at the embedding: what is only for training is left out', () => {
    const graph = readMxnetSymbol(
      symbol([
        { op: 'Flatten', name: 'fc1', inputs: [[0, 0]] },
        { op: 'SoftmaxOutput', name: 'softmax', inputs: [[1, 0]] },
      ]),
      { inputShape: [2, 2, 3] },
    );
    expect(graph.output).toBe('fc1');
    expect(graph.nodes.map(({ name }) => name)).toEqual(['fc1']);
    expect(backboneFromGraph(graph).embeddingSize).toBe(12);
  });

  it('have their embedding where it is said, also as MXNet calls outputs', () => {
    const text = symbol([
      { op: 'Flatten', name: 'features', inputs: [[0, 0]] },
      { op: 'SoftmaxOutput', name: 'softmax', inputs: [[1, 0]] },
    ]);
    for (const output of ['features', 'features_output']) {
      expect(readMxnetSymbol(text, { output }).output).toBe('features');
    }
    expect(failure(() => readMxnetSymbol(text, { output: 'feature' })).message).toMatch(
      /no node "feature" .* nearest are "features", "softmax", the last is "softmax"/,
    );
  });

  it('add up any number of values', () => {
    const summed = (inputs: number): number[] => {
      const text = symbol([
        { op: '_mul_scalar', name: 'twice', attrs: { scalar: '2' }, inputs: [[0, 0]] },
        { op: '_mul_scalar', name: 'tenfold', attrs: { scalar: '10' }, inputs: [[0, 0]] },
        {
          op: 'add_n',
          name: 'fc1',
          inputs: [
            [0, 0],
            [1, 0],
            [2, 0],
          ].slice(0, inputs),
        },
      ]);
      const backbone = backboneFromGraph(readMxnetSymbol(text, { inputShape: [1, 2, 1] }));
      return tf.tidy(() => [...backbone.apply(tf.tensor4d([1, 3], [1, 1, 2, 1])).dataSync()]);
    };
    expect([1, 2, 3].map(summed)).toEqual([
      [1, 3],
      [3, 9],
      [13, 39],
    ]);
  });

  it('have matrices that flatten nothing where there is nothing to flatten', () => {
    const matrix = (...before: object[]): string =>
      symbol([
        { op: 'null', name: 'w', inputs: [] },
        ...before,
        {
          op: 'FullyConnected',
          name: 'fc1',
          attrs: { num_hidden: '4', no_bias: 'True', flatten: 'False' },
          inputs: [
            [before.length === 0 ? 0 : 2, 0],
            [1, 0],
          ],
        },
      ]);
    const flat = matrix({ op: 'Flatten', name: 'flat', inputs: [[0, 0]] });
    expect(readMxnetSymbol(flat, { inputShape: [2, 2, 3] }).nodes.at(-1)?.layer).toEqual({
      kind: 'fully-connected',
      outputs: 4,
      bias: false,
    });
    const error = failure(() => readMxnetSymbol(matrix(), { inputShape: [2, 2, 3] }));
    expect([error.code, error.message]).toEqual([
      'unsupported',
      expect.stringContaining('"fc1" uses a map that is not flattened'),
    ]);
  });

  it('with arrays where there are layers for values only are refused, naming the arrays', () => {
    const scaled = (inputs: number[][]): string =>
      symbol([
        { op: 'null', name: 'factor', inputs: [] },
        { op: 'broadcast_mul', name: 'fc1', inputs },
      ]);
    const either = [
      [
        [0, 0],
        [1, 0],
      ],
      [
        [1, 0],
        [0, 0],
      ],
    ];
    for (const inputs of either) {
      const error = failure(() => readMxnetSymbol(scaled(inputs)));
      expect([error.code, error.message]).toEqual([
        'unsupported',
        expect.stringMatching(/"fc1" uses the array factor (beside|ahead of) values/),
      ]);
    }
  });

  it('with operators that have no layer here are refused, listing them', () => {
    const error = failure(() =>
      readMxnetSymbol(
        symbol([
          { op: 'UpSampling', name: 'up', inputs: [[0, 0]] },
          { op: 'LRN', name: 'norm', inputs: [[1, 0]] },
        ]),
      ),
    );
    expect(error.code).toBe('unsupported');
    expect(error.message).toContain('UpSampling (as in up), LRN (as in norm)');
  });

  // As Gluon's MobileNetV2 is exported, whose blocks have nothing else that other networks do not have.
  it('have the rectifier of MobileNets as a clip from 0 to 6', () => {
    const attrs = { a_max: '6', a_min: '0' };
    const text = symbol([{ op: 'clip', name: 'relu60', attrs, inputs: [[0, 0]] }]);
    const graph = readMxnetSymbol(text, { inputShape: [1, 2, 2] });
    expect(graph.nodes[0]?.layer).toEqual({ kind: 'activation', function: 'relu6' });
    const written = JSON.parse(serializeMxnetSymbol(graph)) as { nodes: object[] };
    expect(written.nodes[1]).toMatchObject({ op: 'clip', attrs });
    const backbone = backboneFromGraph(graph);
    const embedding = tf.tidy(() => backbone.apply(tf.tensor4d([-1, 0, 5.5, 7], [1, 1, 2, 2])).dataSync());
    // Channel by channel.
    expect([...embedding]).toEqual([0, 5.5, 0, 6]);
  });

  it.each<[string, object, number[]]>([
    ['leaky by its own slope', { act_type: 'leaky', slope: '0.1' }, [-0.2, -0.1, 0, 3]],
    ['leaky by the usual one', {}, [-0.5, -0.25, 0, 3]],
    ['elu by its own slope', { act_type: 'elu', slope: '2' }, [2 * Math.expm1(-2), 2 * Math.expm1(-1), 0, 3]],
    ['elu by the usual one', { act_type: 'elu' }, [Math.expm1(-2) / 4, Math.expm1(-1) / 4, 0, 3]],
  ])('have a rectifier: %s', async (_, attrs, expected) => {
    const text = symbol([{ op: 'LeakyReLU', name: 'fc1', attrs, inputs: [[0, 0]] }]);
    const options = { name: 'rectifier', inputShape: [1, 4, 1] } as const;
    const graph = readMxnetSymbol(text, options);
    expect(readMxnetSymbol(serializeMxnetSymbol(graph), options)).toEqual(graph);
    const backbone = backboneFromGraph(parseNetworkGraph(JSON.parse(JSON.stringify(graph))));
    const values = [-2, -1, 0, 3];
    const own = tf.tidy(() => [...backbone.apply(tf.tensor4d(values, [1, 1, 4, 1])).dataSync()]);
    const { data } = await runOnnx(exportOnnx(backbone), Float32Array.from(values), [1, 1, 1, 4]);
    for (const [i, value] of expected.entries()) {
      expect(own[i]).toBeCloseTo(value, 5);
      expect(data[i]).toBeCloseTo(value, 5);
    }
  });

  it('with windows that are both wide-meshed and moved in steps are refused, naming the node', () => {
    const attrs = { kernel: '(3, 3)', num_filter: '2', no_bias: 'True', stride: '(1, 2)', dilate: '(2, 2)' };
    const graph = readMxnetSymbol(convolution(attrs));
    const error = failure(() => complexity(graph));
    expect([error.code, error.message]).toEqual([
      'unsupported',
      expect.stringMatching(/layer "c": a stride of 1x2 and a dilation of 2x2 do not go together/),
    ]);
  });

  it('of networks in half precision are read without their casts', () => {
    const casts = (dtype: string): string =>
      symbol([
        { op: 'Cast', name: 'half', attrs: { dtype: 'float16' }, inputs: [[0, 0]] },
        { op: 'amp_cast', name: 'fc1', attrs: { dtype }, inputs: [[1, 0]] },
      ]);
    const graph = readMxnetSymbol(casts('float32'));
    expect(graph.nodes.map(({ layer }) => layer.kind)).toEqual(['identity', 'identity']);
    expect(failure(() => readMxnetSymbol(casts('int8'))).message).toContain('"fc1" uses a cast to int8');
  });

  it.each<[string, object, string]>([
    ['channels last', { op: 'Pooling', attrs: { layout: 'NHWC', kernel: '(2, 2)' } }, 'the layout NHWC'],
    ['a clip that is no ReLU6', { op: 'clip', attrs: { a_min: '0', a_max: '5' } }, 'a range from 0 to 5'],
    ['dropout in inference', { op: 'Dropout', attrs: { mode: 'always' } }, 'the mode always'],
    ['dropout of whole channels', { op: 'Dropout', attrs: { axes: '(2, 3)' } }, 'the axes (2, 3)'],
    [
      'a sum over everything but the channels',
      { op: 'sum', attrs: { axis: '1', exclude: 'True', keepdims: 'True' } },
      'something else than the channels',
    ],
  ])('with %s are refused, naming the node', (_, node, message) => {
    const error = failure(() => readMxnetSymbol(symbol([{ ...node, name: 'odd', inputs: [[0, 0]] }])));
    expect(error.code).toBe('unsupported');
    expect(error.message).toContain('"odd"');
    expect(error.message).toContain(message);
  });

  it('that use or put out a second output of a node are refused', () => {
    const pool = { op: 'Pooling', name: 'pool', attrs: { kernel: '(2, 2)' }, inputs: [[0, 0]] };
    const used = symbol([pool, { op: 'Flatten', name: 'flat', inputs: [[1, 1]] }]);
    const error = failure(() => readMxnetSymbol(used));
    expect(error.code).toBe('unsupported');
    expect(error.message).toContain('"pool" is read for its output number 1');
    const head = JSON.stringify({ nodes: [data, pool], heads: [[1, 1, 0]] });
    expect(failure(() => readMxnetSymbol(head)).code).toBe('unsupported');
    const none = symbol([{ ...pool, inputs: [[0, -1]] }]);
    expect(failure(() => readMxnetSymbol(none)).code).toBe('invalid-file');
  });

  it.each<[string, string, string]>([
    ['text', 'nonsense', 'not JSON'],
    ['JSON of something else', '{}', '"nodes" and "heads"'],
    ['an input from later on', symbol([{ op: 'Flatten', name: 'f', inputs: [[2, 0]] }]), 'node below 1'],
    [
      'a filter count of zero',
      convolution({ kernel: '(3, 3)', num_filter: '0', no_bias: 'True' }),
      'num_filter',
    ],
    [
      'a kernel of one side',
      convolution({ kernel: '(3,)', num_filter: '1', no_bias: 'True' }),
      'two integers',
    ],
    [
      'a kernel that is none',
      convolution({ kernel: 'big', num_filter: '1', no_bias: 'True' }),
      'in parentheses',
    ],
    ['no filter count', convolution({ kernel: '(3, 3)', no_bias: 'True' }), 'lacks the attribute num_filter'],
    [
      'a missing bias',
      convolution({ kernel: '(3, 3)', num_filter: '4' }),
      'expected 2 parameters (weight, bias)',
    ],
  ])('with %s are refused', (_, text, message) => {
    const error = failure(() => readMxnetSymbol(text));
    expect(error.code).toBe('invalid-file');
    expect(error.message).toContain(message);
  });
});

/* Convolution and pooling over windows of any sides, against loops that follow the definition. */
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { NetworkGraph } from '../graph/network-graph.ts';
import { exportOnnx } from '../onnx/onnx-writer.ts';
import { setCpuBackend, setFastBackend } from '../testing/backend.ts';
import { runOnnx } from '../testing/onnx-runtime.ts';
import { type ConvolutionLayer, convolutionRules } from './convolution.ts';
import type { Extent, LayerContext } from './layer.ts';
import { type PoolingLayer, poolingRules } from './pooling.ts';

interface Case {
  readonly height: number;
  readonly width: number;
  readonly kernel: Extent;
  readonly stride: Extent;
  readonly padding: Extent;
}

const extent = (minimum: number, maximum: number): fc.Arbitrary<Extent> =>
  fc.tuple(fc.integer({ min: minimum, max: maximum }), fc.integer({ min: minimum, max: maximum }));
const windows = fc
  .record({
    height: fc.integer({ min: 3, max: 7 }),
    width: fc.integer({ min: 3, max: 7 }),
    kernel: extent(1, 3),
    stride: extent(1, 2),
    padding: extent(0, 2),
  })
  // As MXNet, tfjs knows no window that lies in the padding altogether.
  .map((drawn) => ({ ...drawn, padding: drawn.padding.map((p, i) => Math.min(p, drawn.kernel[i]! - 1)) }))
  .map((drawn) => drawn as unknown as Case);

/** Calls back for every position of the window: its place in the result, and the places that it covers. */
function everyWindow(
  { height, width, kernel, stride, padding }: Case,
  dilation: Extent,
  shape: readonly number[],
  visit: (row: number, column: number, covered: { y: number; x: number; i: number; j: number }[]) => void,
): void {
  for (let row = 0; row < shape[0]!; row++) {
    for (let column = 0; column < shape[1]!; column++) {
      const covered: { y: number; x: number; i: number; j: number }[] = [];
      for (let i = 0; i < kernel[0]; i++) {
        for (let j = 0; j < kernel[1]; j++) {
          const y = row * stride[0] - padding[0] + i * dilation[0];
          const x = column * stride[1] - padding[1] + j * dilation[1];
          if (y >= 0 && x >= 0 && y < height && x < width) covered.push({ y, x, i, j });
        }
      }
      visit(row, column, covered);
    }
  }
}

function expectClose(actual: tf.Tensor, expected: readonly number[], shape: readonly number[]): void {
  expect(actual.shape).toEqual([1, ...shape]);
  const values = actual.dataSync();
  expected.forEach((value, i) => {
    expect(Math.abs(values[i]! - value)).toBeLessThan(1e-4);
  });
}

const values = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => ((i * 7919) % 31) / 15 - 1);

// TensorFlow itself has no pooling with zeros of one's own around it, and no depthwise convolution whose two strides differ.
const runsAny = !/^(node|webgpu)/.test(process.env.ARCFACE_TEST_BACKEND ?? '');

describe.runIf(runsAny).each([
  ['plain', setCpuBackend],
  ['fast', setFastBackend],
])('on the %s backend', (name, setBackend) => {
  // The fast one compiles each shape anew.
  const isPlain = name === 'plain';
  afterAll(setCpuBackend);

  it('a convolution is what it is defined to be', async () => {
    await setBackend();
    const groupings = fc.constantFrom([1, 4, 6], [2, 4, 6], [4, 4, 4], [4, 4, 8], [2, 8, 8]);
    const cases = fc.tuple(windows, groupings, extent(1, 2));
    fc.assert(
      fc.property(cases, ([window, [groups, channels, filters], spread]) => {
        // Of stride and dilation tfjs takes one.
        const dilation: Extent = window.stride.every((step) => step === 1) ? spread : [1, 1];
        const layer: ConvolutionLayer = {
          ...{ kind: 'convolution', filters: filters!, groups: groups!, bias: false, dilation },
          ...{ kernel: window.kernel, stride: window.stride, padding: window.padding },
        };
        const input = [window.height, window.width, channels!];
        const reaches = window.kernel.map((side, d) => dilation[d]! * (side - 1) + 1);
        fc.pre(reaches.every((reach, d) => reach <= input[d]! + 2 * window.padding[d]!));
        const shape = convolutionRules.outputShape(layer, [input]);
        const [height, width] = window.kernel;
        const perGroup = channels! / groups!;
        const x = values(window.height * window.width * channels!);
        // tfjs's layouts: [height, width, in, out], and [height, width, channels, multiplier] for a group a channel.
        const isDepthwise = groups === channels;
        const weightShape = isDepthwise
          ? [height, width, channels!, filters! / channels!]
          : [height, width, perGroup, filters!];
        const weight = values(weightShape.reduce((product, side) => product * side, 1));
        const expected: number[] = [];
        everyWindow(window, dilation, shape, (row, column, covered) => {
          for (let f = 0; f < filters!; f++) {
            const first = Math.floor(f / (filters! / groups!)) * perGroup;
            let sum = 0;
            for (const { y, x: at, i, j } of covered) {
              for (let c = 0; c < perGroup; c++) {
                // One input a group: the channel and the multiplier are the filter itself.
                const place = isDepthwise ? f : c * filters! + f;
                const stride = weightShape[2]! * weightShape[3]!;
                sum +=
                  x[(y * window.width + at) * channels! + first + c]! *
                  weight[(i * width + j) * stride + place]!;
              }
            }
            expected[(row * shape[1]! + column) * filters! + f] = sum;
          }
        });
        tf.tidy(() => {
          const variable = tf.variable(tf.tensor(weight, weightShape));
          const context = { parameter: () => variable } as unknown as LayerContext;
          const y = convolutionRules.apply(layer, [tf.tensor(x, [1, ...input])], context);
          expectClose(y, expected, shape);
          variable.dispose();
        });
      }),
      { numRuns: isPlain ? 40 : 10 },
    );
  });

  it('pooling is what it is defined to be', async () => {
    await setBackend();
    const cases = fc.tuple(windows, fc.constantFrom('average', 'maximum'), fc.boolean());
    fc.assert(
      fc.property(cases, ([window, method, countPadding]) => {
        const layer: PoolingLayer = {
          ...{ kind: 'pooling', method, global: false, countPadding },
          ...{ kernel: window.kernel, stride: window.stride, padding: window.padding },
        };
        const input = [window.height, window.width, 2];
        fc.pre(window.kernel.every((side, d) => side <= input[d]! + 2 * window.padding[d]!));
        const shape = poolingRules.outputShape(layer, [input]);
        const x = values(window.height * window.width * 2);
        const expected: number[] = [];
        everyWindow(window, [1, 1], shape, (row, column, covered) => {
          for (let c = 0; c < 2; c++) {
            const seen = covered.map(({ y, x: at }) => x[(y * window.width + at) * 2 + c]!);
            const all = countPadding ? window.kernel[0] * window.kernel[1] : seen.length;
            const mean = seen.reduce((sum, value) => sum + value, 0) / all;
            expected[(row * shape[1]! + column) * 2 + c] = method === 'average' ? mean : Math.max(...seen);
          }
        });
        tf.tidy(() => {
          const y = poolingRules.apply(layer, [tf.tensor(x, [1, ...input])], {} as LayerContext);
          expectClose(y, expected, shape);
        });
      }),
      { numRuns: isPlain ? 40 : 10 },
    );
  });

  it('pooling that rounds up is what MXNet has for it, and its ONNX operators are the same', async () => {
    await setBackend();
    const cases = fc.tuple(windows, fc.constantFrom('average', 'maximum'), fc.boolean());
    const drawn: { layer: PoolingLayer; input: number[]; expected: number[] }[] = [];
    fc.assert(
      fc.property(cases, ([window, method, countPadding]) => {
        const layer: PoolingLayer = {
          ...{ kind: 'pooling', method, global: false, countPadding, roundUp: true },
          ...{ kernel: window.kernel, stride: window.stride, padding: window.padding },
        };
        const input = [window.height, window.width, 2];
        const shape = input
          .slice(0, 2)
          .map(
            (side, d) =>
              1 + Math.ceil((side + 2 * window.padding[d]! - window.kernel[d]!) / window.stride[d]!),
          );
        const isBehind = shape.some(
          (steps, d) => (steps - 1) * window.stride[d]! - window.padding[d]! >= input[d]!,
        );
        fc.pre(!isBehind && window.kernel.every((side, d) => side <= input[d]! + 2 * window.padding[d]!));
        expect(poolingRules.outputShape(layer, [input])).toEqual([...shape, 2]);
        const x = values(window.height * window.width * 2);
        const expected: number[] = [];
        everyWindow(window, [1, 1], shape, (row, column, covered) => {
          for (let c = 0; c < 2; c++) {
            const seen = covered.map(({ y, x: at }) => x[(y * window.width + at) * 2 + c]!);
            // What lies behind the padding is not counted, whatever is.
            const all = [row, column].reduce((product, step, d) => {
              const start = step * window.stride[d]! - window.padding[d]!;
              return product * (Math.min(start + window.kernel[d]!, input[d]! + window.padding[d]!) - start);
            }, 1);
            const mean = seen.reduce((sum, value) => sum + value, 0) / (countPadding ? all : seen.length);
            expected[(row * shape[1]! + column) * 2 + c] = method === 'average' ? mean : Math.max(...seen);
          }
        });
        tf.tidy(() => {
          const y = poolingRules.apply(layer, [tf.tensor(x, [1, ...input])], {} as LayerContext);
          expectClose(y, expected, [...shape, 2]);
        });
        drawn.push({ layer, input, expected });
      }),
      { numRuns: isPlain ? 40 : 4 },
    );
    for (const { layer, input, expected } of isPlain ? drawn.slice(0, 10) : []) {
      const [height, width] = input as [number, number];
      const node = { name: 'pool', layer, inputs: ['data'], parameters: {} };
      const graph: NetworkGraph = {
        ...{ name: 'pooling', input: 'data', inputShape: [height, width, 2], nodes: [node], output: 'pool' },
        initializer: { distribution: 'gaussian', fan: 'out', magnitude: 2 },
      };
      const x = values(height * width * 2);
      const planes = Float32Array.from(
        x,
        (_, i) => x[(i % (height * width)) * 2 + Math.floor(i / (height * width))]!,
      );
      const { data } = await runOnnx(exportOnnx({ graph, parameters: [] }), planes, [1, 2, height, width]);
      const area = expected.length / 2;
      data.forEach((value, i) => {
        expect(Math.abs(value - expected[(i % area) * 2 + Math.floor(i / area)]!)).toBeLessThan(1e-5);
      });
    }
  });
});

it('a window that lies behind the map altogether is refused', () => {
  const layer: PoolingLayer = {
    ...{ kind: 'pooling', method: 'maximum', global: false, countPadding: true, roundUp: true },
    ...{ kernel: [2, 2], stride: [2, 2], padding: [1, 1] },
  };
  expect(poolingRules.outputShape(layer, [[4, 4, 1]])).toEqual([3, 3, 1]);
  expect(() => poolingRules.outputShape(layer, [[4, 3, 1]])).toThrow(
    /window of 2 at steps of 2 lies behind the map of 3/,
  );
});

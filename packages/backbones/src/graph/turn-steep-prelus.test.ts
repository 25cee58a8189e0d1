/* Which slopes are turned, which must not be, and that nobody can tell from the embeddings. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { convolutionLayer } from '../layers/convolution.ts';
import type { NamedArray } from '../named-array.ts';
import { setCpuBackend } from '../testing/backend.ts';
import { convolution, embed, matrix, networkOf, node } from '../testing/made-networks.ts';
import type { GraphWithValues } from './fold-batch-norms.ts';
import type { LayerNode } from './network-graph.ts';
import { turnSteepPrelus } from './turn-steep-prelus.ts';

beforeAll(setCpuBackend);

const SLOPES = [2.5, -1.75, 1, 1.0000001];
const prelu = (name: string, input: string, shared = false): LayerNode =>
  node(name, { kind: 'prelu', shared }, [input]);
const padded = (name: string, input: string, groups: number): LayerNode =>
  node(name, convolutionLayer({ filters: 4, kernel: 3, padding: 1, groups }), [input]);

/** The network with slopes on both sides of 1. */
function withSlopes({ graph, values }: GraphWithValues): GraphWithValues {
  const sloped = [...values].map(([name, array]): [string, NamedArray] => [
    name,
    name.endsWith('_slope')
      ? { ...array, data: (array.data as Float32Array).map((_, i) => SLOPES[i % SLOPES.length]!) }
      : array,
  ]);
  return { graph, values: new Map(sloped) };
}

function largestSlope({ values }: GraphWithValues): number {
  const slopes = [...values].filter(([name]) => name.endsWith('_slope'));
  return Math.max(...slopes.flatMap(([, { data }]) => [...(data as Float32Array)]));
}

describe('a PReLU with slopes above 1', () => {
  it.each<[string, LayerNode[], boolean, string?]>([
    ['convolutions', [convolution('c', 'data'), prelu('p', 'c'), padded('d', 'p', 1)], true],
    ['a depthwise one', [convolution('c', 'data'), prelu('p', 'c'), padded('d', 'p', 4)], true],
    ['a grouped one', [convolution('c', 'data'), prelu('p', 'c'), padded('d', 'p', 2)], true],
    [
      'convolutions and others, one behind the other',
      [
        convolution('c', 'data'),
        ...[prelu('p', 'c'), padded('d', 'p', 4), prelu('q', 'd'), padded('e', 'q', 2), prelu('r', 'e')],
        matrix('f', 'r'),
      ],
      true,
    ],
    [
      'a convolution and a matrix over all of the image',
      [convolution('c', 'data'), prelu('p', 'c'), matrix('f', 'p')],
      true,
    ],
    [
      'a convolution and two that read it',
      [
        ...[convolution('c', 'data'), prelu('p', 'c'), padded('d', 'p', 1), padded('e', 'p', 2)],
        node('s', { kind: 'add' }, ['d', 'e']),
      ],
      true,
    ],
    [
      'a convolution and a sum',
      [
        ...[convolution('c', 'data'), prelu('p', 'c'), padded('d', 'p', 1)],
        node('s', { kind: 'add' }, ['d', 'p']),
      ],
      false,
    ],
    [
      'a convolution that others read and another',
      [
        ...[convolution('c', 'data'), prelu('p', 'c'), padded('d', 'p', 1)],
        node('s', { kind: 'add' }, ['d', 'c']),
      ],
      false,
    ],
    [
      'convolutions that share their weights',
      [
        ...[convolution('c', 'data'), padded('d', 'c', 1), prelu('p', 'd')],
        node('e', convolutionLayer({ filters: 4, kernel: 3, padding: 1 }), ['p'], {
          weight: 'd_weight',
        }),
      ],
      false,
    ],
    ['a convolution and nothing', [convolution('c', 'data'), prelu('p', 'c')], false],
    [
      'a convolution and a matrix, as the embedding,',
      [convolution('c', 'data'), prelu('p', 'c'), matrix('f', 'p')],
      false,
      'p',
    ],
    ['the images and a matrix', [prelu('p', 'data'), matrix('f', 'p')], false],
    [
      'convolutions with one slope for all',
      [convolution('c', 'data'), prelu('p', 'c', true), matrix('f', 'p')],
      false,
    ],
  ])('between %s embeds the same', (_, nodes, isTurned, output) => {
    const before = tf.memory().numTensors;
    const network = withSlopes(networkOf(nodes, output));
    const turned = turnSteepPrelus(network);
    expect(largestSlope(network)).toBe(2.5);
    expect(largestSlope(turned)).toBe(isTurned ? 1 : 2.5);
    const expected = embed(network);
    const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    embed(turned).forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-6 * scale);
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('keeps a slope that has no inverse', () => {
    const network = networkOf([convolution('c', 'data'), prelu('p', 'c'), matrix('f', 'p')]);
    const slope = network.values.get('p_slope')!;
    const values = new Map(network.values).set('p_slope', {
      ...slope,
      data: Float32Array.of(Infinity, NaN, 2, 1),
    });
    const turned = turnSteepPrelus({ graph: network.graph, values });
    expect([...(turned.values.get('p_slope')!.data as Float32Array)]).toEqual([Infinity, NaN, 0.5, 1]);
  });
});

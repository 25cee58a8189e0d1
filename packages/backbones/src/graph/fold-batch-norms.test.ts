/* Where batch norms are folded, and where they must not be; `inference-backbone.test.ts` holds the embeddings to the same. */
import { beforeAll, describe, expect, it } from 'vitest';
import { setCpuBackend } from '../testing/backend.ts';
import { convolution, embed, matrix, NORM, networkOf, node, norm, SLOTS } from '../testing/made-networks.ts';
import { foldBatchNorms } from './fold-batch-norms.ts';
import type { LayerNode } from './network-graph.ts';

beforeAll(setCpuBackend);

describe('folding', () => {
  it.each<[string, LayerNode[], string[], string?]>([
    ['a batch norm into the layer ahead of it', [convolution('c', 'data'), norm('n', 'c')], ['n']],
    [
      'two of them, one behind the other',
      [convolution('c', 'data'), norm('n', 'c'), norm('m', 'n'), matrix('f', 'm')],
      ['m', 'f'],
    ],
    ['two of them into the matrix behind', [norm('n', 'data'), norm('m', 'n'), matrix('f', 'm')], ['f']],
    [
      'what dropouts are between',
      [
        node('d', { kind: 'dropout', rate: 0.5 }, ['data']),
        norm('n', 'd'),
        node('e', { kind: 'dropout', rate: 0.5 }, ['n']),
        node('g', { kind: 'dropout', rate: 0.5 }, ['e']),
        matrix('f', 'g'),
        node('h', { kind: 'dropout', rate: 0.5 }, ['f']),
      ],
      ['f'],
    ],
    [
      'not what a second layer reads',
      [convolution('c', 'data'), norm('n', 'c'), node('s', { kind: 'add' }, ['c', 'n'])],
      ['c', 'n', 's'],
    ],
    [
      'the last of two batch norms only, where the first is read by others',
      [
        norm('n', 'data'),
        norm('m', 'n'),
        matrix('f', 'm'),
        matrix('g', 'n'),
        node('s', { kind: 'add' }, ['f', 'g']),
      ],
      ['n', 'f', 'g', 's'],
    ],
    [
      'not into weights that two layers share',
      [
        convolution('c', 'data'),
        norm('n', 'c'),
        convolution('k', 'n', { weight: 'c_weight' }),
        norm('m', 'k'),
      ],
      ['c', 'n', 'k', 'm'],
    ],
    ['not past the embedding', [convolution('c', 'data'), norm('n', 'c'), norm('m', 'n')], ['n'], 'n'],
    [
      'not a batch norm that is the embedding and goes on',
      [norm('n', 'data'), matrix('f', 'n')],
      ['n', 'f'],
      'n',
    ],
    [
      'without taking a name that is there',
      [convolution('c', 'data', { weight: 'n_folded_bias' }), norm('n', 'c')],
      ['n'],
    ],
  ])('takes %s', (_, nodes, left, output) => {
    const network = networkOf(nodes, output);
    const folded = foldBatchNorms(network);
    const reached = folded.graph.nodes
      .map(({ name }) => name)
      .filter((name) => output === undefined || name !== 'm');
    expect(reached).toEqual(left);
    const expected = embed(network);
    embed(folded).forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5);
    });
  });

  it('takes a network of 20,000 layers at the pace of a small one', () => {
    const chain = <T>(
      count: number,
      make: (name: string, input: string) => T,
      first: string,
      stem: string,
    ): T[] =>
      Array.from({ length: count }, (_, i) => make(`${stem}${i}`, i === 0 ? first : `${stem}${i - 1}`));
    // All have the same parameters, but for the convolutions.
    const shared = Object.fromEntries(SLOTS['batch-norm']!.map((slot) => [slot, slot]));
    const same = (name: string, input: string): LayerNode => node(name, NORM, [input], shared);
    const pairs = chain(
      1000,
      (name, input) => [convolution(`c${name}`, input), same(name, `c${name}`)],
      'data',
      'n',
    );
    const norms = chain(9000, same, 'n999', 'm');
    const dropouts = chain(
      9000,
      (name, input) => node(name, { kind: 'dropout', rate: 0.5 }, [input]),
      'm8999',
      'd',
    );
    const { graph } = foldBatchNorms(networkOf([...pairs.flat(), ...norms, ...dropouts]));
    expect(graph.nodes).toHaveLength(1000);
    expect(graph.output).toBe('m8999');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backboneFromGraph } from '../backbone.ts';
import { BackbonesError } from '../backbones-error.ts';
import { listNetworks, networkGraph } from '../networks/presets.ts';
import { setCpuBackend } from '../testing/backend.ts';
import { resolveGraph } from './network-graph.ts';
import { parseNetworkGraph } from './parse-network-graph.ts';

const small = networkGraph({ network: 'r8-narrow', inputSize: 16, squeezeExcitation: true });

function changed(path: readonly (string | number)[], value: unknown): unknown {
  const graph = structuredClone(small) as unknown;
  const parent = path.slice(0, -1).reduce((object, key) => (object as never)[key], graph);
  (parent as Record<string | number, unknown>)[path.at(-1)!] = value;
  return graph;
}

describe('a graph as JSON', () => {
  it.each(listNetworks().map(({ name }) => name))('of %s is accepted', (name) => {
    const graph = networkGraph(name);
    expect(parseNetworkGraph(JSON.parse(JSON.stringify(graph)))).toEqual(graph);
  });

  it.each<[readonly (string | number)[], unknown, string]>([
    [['inputShape'], [16, 16], 'network: inputShape must be 3 integers from 1 on, found [16,16]'],
    [['nodes'], {}, 'network: nodes must be an array, found {}'],
    [['nodes', 2], null, 'node 2 must be an object, found null'],
    [['nodes', 3, 'layer', 'kind'], 'toString', 'layer "conv0": kind must be one of activation,'],
    [['nodes', 3, 'layer', 'filters'], 1e12, 'layer "conv0": filters must be an integer from 1 on'],
    [['nodes', 3, 'layer', 'kernel'], '3', 'layer "conv0": kernel must be 2 integers from 1 on, found "3"'],
    [['initializer', 'fan'], 'both', 'initializer: fan must be one of in, out, none, found "both"'],
    [['output'], undefined, 'network: output must be text, found undefined'],
  ])('with %j of %j is refused', (path, value, message) => {
    expect(() => parseNetworkGraph(changed(path, value))).toThrow(BackbonesError);
    expect(() => parseNetworkGraph(changed(path, value))).toThrow(message);
  });

  it('that is damaged anywhere is refused with a typed error, or still makes sense', () => {
    const keys = [
      'name',
      'inputs',
      'parameters',
      'kind',
      'filters',
      'kernel',
      'stride',
      'groups',
      'epsilon',
      'outputs',
    ];
    const junk = fc.oneof(
      fc.constant(undefined),
      fc.integer(),
      fc.string(),
      fc.constant([]),
      fc.constant({}),
      fc.constant([7, 7]),
    );
    const edit = fc.record({
      node: fc.nat(small.nodes.length - 1),
      inLayer: fc.boolean(),
      key: fc.constantFrom(...keys),
      value: junk,
    });
    fc.assert(
      fc.property(edit, ({ node, inLayer, key, value }) => {
        try {
          resolveGraph(
            parseNetworkGraph(changed(['nodes', node, ...(inLayer ? ['layer'] : []), key], value)),
          );
        } catch (error) {
          expect(error).toBeInstanceOf(BackbonesError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('allocates nothing for parameters that are not in the file', async () => {
    await setCpuBackend();
    const huge = changed(['nodes', 3, 'layer', 'filters'], 2 ** 31 - 1);
    expect(() => backboneFromGraph(huge as typeof small, { parameters: [] })).toThrow(BackbonesError);
  });
});

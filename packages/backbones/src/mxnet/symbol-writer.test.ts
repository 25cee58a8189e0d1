import { describe, expect, it } from 'vitest';
import type { BackboneConfig } from '../networks/backbone-config.ts';
import { outputHeads } from '../networks/output-heads.ts';
import { networkGraph } from '../networks/presets.ts';
import { oracleIsAbsent, oracleNetworks, oracleSymbol } from '../testing/oracle.ts';
import { readMxnetSymbol } from './symbol-reader.ts';
import { serializeMxnetSymbol } from './symbol-writer.ts';

interface SymbolFile {
  nodes: { op: string; name: string; attrs?: Record<string, string>; inputs: number[][] }[];
  arg_nodes: number[];
  node_row_ptr: number[];
  heads: number[][];
}

/** Attributes that change nothing, or that restate a default. */
function essential(file: SymbolFile): unknown {
  return {
    ...file,
    nodes: file.nodes.map(({ op, name, inputs }) => ({ op, name, inputs })),
    attrs: undefined,
  };
}

describe.skipIf(oracleIsAbsent)('symbols (needs ../shared)', () => {
  it.each(oracleNetworks())('%s is written with the nodes, wiring and counts of MXNet’s own', (name) => {
    const original = oracleSymbol(name);
    const graph = readMxnetSymbol(original);
    const again = serializeMxnetSymbol(graph);
    expect(essential(JSON.parse(again) as SymbolFile)).toEqual(essential(JSON.parse(original) as SymbolFile));
    expect(readMxnetSymbol(again)).toEqual(graph);
  });

  it('have the attributes that MXNet writes', () => {
    const own = JSON.parse(serializeMxnetSymbol(networkGraph('r18'))) as SymbolFile;
    const reference = JSON.parse(oracleSymbol('r18')) as SymbolFile;
    own.nodes.forEach(({ op, name, attrs = {} }, i) => {
      // What MXNet leaves out where it is the default, and the memory it may use.
      const { workspace: _, ...expected } = reference.nodes[i]!.attrs ?? {};
      const defaults = { num_group: '1', pad: '(0, 0)', no_bias: 'False', use_global_stats: 'False' };
      expect(op === 'null' ? {} : { ...defaults, ...attrs }, name).toEqual(
        op === 'null' ? {} : { ...defaults, ...expected },
      );
    });
  });
});

describe('a symbol', () => {
  const sizes = [
    { inputSize: 112, embeddingSize: 1024 },
    { inputSize: [64, 96], embeddingSize: 1 },
    { inputSize: [97, 224], embeddingSize: 3 },
  ] as const;
  const families: readonly BackboneConfig[] = [
    { network: 'r18', unit: 1, stem: 0, squeezeExcitation: true },
    { network: 'r18', unit: 2, stem: 2, batchNormMomentum: 0.99 },
    { network: 'y1', width: 0.3 },
    { network: 'm1', width: 0.1 },
    { network: 'mnas', width: 0.35 },
    { network: 'd121', layerDropout: 0.2 },
    { network: 'vargfacenet' },
  ];

  it.each(families)('of %o comes back as it was, with any head and size', (config) => {
    for (const [i, output] of outputHeads.entries()) {
      const made = networkGraph({ ...config, ...sizes[i % sizes.length], output });
      const { name, inputShape, initializer } = made;
      const again = readMxnetSymbol(serializeMxnetSymbol(made), { name, inputShape });
      expect({ ...again, initializer }).toEqual(made);
    }
  });

  it.each(['leaky', 'elu', 'selu', 'relu', 'relu6', 'tanh', 'softrelu', 'softsign'] as const)(
    'with %s comes back as it was',
    (activation) => {
      const graph = networkGraph({ network: 'r8-narrow', inputSize: 32, activation });
      const again = readMxnetSymbol(serializeMxnetSymbol(graph), {
        name: graph.name,
        inputShape: graph.inputShape,
      });
      expect(again).toEqual(graph);
    },
  );
});

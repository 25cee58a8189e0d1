import { describe, expect, it } from 'vitest';
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
  it.each(['leaky', 'elu', 'selu', 'relu', 'tanh', 'softrelu', 'softsign'] as const)(
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

import { describe, expect, it } from 'vitest';
import { complexity } from '../graph/complexity.ts';
import { type LayerNode, type NetworkGraph, resolveGraph } from '../graph/network-graph.ts';
import { readMxnetSymbol } from '../mxnet/symbol-reader.ts';
import {
  type OracleNetwork,
  type OracleParameter,
  oracleIsAbsent,
  oracleNetwork,
  oracleNetworks,
  oracleSymbol,
} from '../testing/oracle.ts';
import { configurationOf } from '../testing/oracle-configurations.ts';
import { networkGraph } from './presets.ts';

/** What the reference calls kinds. */
const KINDS: Readonly<Record<string, string>> = { bias: 'beta', slope: 'prelu', variance: 'var' };
const GRAPHS = oracleNetworks();

function listed(parameters: readonly OracleParameter[]): unknown[] {
  return parameters.map(({ name, shape, kind, fix_gamma: fixed = false }) => ({ name, shape, kind, fixed }));
}

function parametersOf(graph: NetworkGraph, wanted: string): unknown[] {
  return [...resolveGraph(graph).parameters.values()]
    .filter(({ role }) => role === wanted)
    .map(({ name, shape, kind, fixed }) => ({ name, shape, kind: KINDS[kind] ?? kind, fixed }));
}

function expectReference(graph: NetworkGraph, reference: OracleNetwork): void {
  expect(parametersOf(graph, 'argument')).toEqual(listed(reference.args));
  expect(parametersOf(graph, 'auxiliary')).toEqual(listed(reference.aux));
  if (reference.params_args !== undefined) {
    const { parameters, auxiliaries, flops } = complexity(graph);
    expect(parameters).toBe(reference.params_args);
    expect(auxiliaries).toBe(reference.params_aux);
    if (reference.flops_error === undefined) {
      expect(flops).toBe(reference.flops_reference);
    }
  }
}

describe.skipIf(oracleIsAbsent)('networks of the reference (needs ../shared)', () => {
  it.each(GRAPHS)(
    '%s read from its symbol has the names, shapes, order and cost of the reference',
    (name) => {
      expectReference(readMxnetSymbol(oracleSymbol(name)), oracleNetwork(name));
    },
  );

  it.each(GRAPHS)('%s made by its preset has the names, shapes, order and cost of the reference', (name) => {
    const reference = oracleNetwork(name);
    expectReference(networkGraph(configurationOf(reference)), reference);
  });

  it.each(GRAPHS)('%s made by its preset is node for node the symbol', (name) => {
    const made = networkGraph(configurationOf(oracleNetwork(name)));
    const read = readMxnetSymbol(oracleSymbol(name));
    const withoutDropout = (nodes: readonly LayerNode[]): LayerNode[] =>
      nodes.map((node) =>
        node.layer.kind === 'dropout' ? { ...node, layer: { ...node.layer, rate: 0 } } : node,
      );
    expect(withoutDropout(made.nodes)).toEqual(withoutDropout(read.nodes));
    expect(made.output).toBe(read.output);
  });
});

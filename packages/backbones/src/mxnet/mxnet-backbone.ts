/** A network from an MXNet checkpoint: its symbol says what it is, its `.params` holds the values. */
import { type Backbone, backboneFromSource } from '../backbone.ts';
import { resolveGraph } from '../graph/network-graph.ts';
import { toFloat32 } from '../named-array.ts';
import { matchParameters } from '../parameters/parameter-arrays.ts';
import { parseNdArrays } from './ndarray-file.ts';
import { readMxnetSymbol, type SymbolOptions } from './symbol-reader.ts';

/** The two files of a checkpoint. */
export interface MxnetCheckpoint extends SymbolOptions {
  /** Text of `PREFIX-symbol.json`. */
  readonly symbol: string;
  /** Bytes of `PREFIX-NNNN.params`. */
  readonly params: Uint8Array;
}

/**
 * Builds the symbol's network and binds the arrays to it by the symbol's own names.
 *
 * Arrays that the network doesn't use (such as the sub-centres `fc7_0_weight`) are passed over; get them from
 * `parseNdArrays`.
 *
 * @throws BackbonesError for a damaged or unsupported file (`invalid-file`, `unsupported`), and for missing names or wrong
 *   shapes (`parameter-names`, `parameter-shape`)
 */
export function backboneFromMxnet(checkpoint: MxnetCheckpoint): Backbone {
  const graph = readMxnetSymbol(checkpoint.symbol, checkpoint);
  const { arrays } = parseNdArrays(checkpoint.params);
  const { parameters } = resolveGraph(graph);
  // All names and shapes are checked before anything is allocated.
  const matched = matchParameters(graph.name, [...parameters.values()], arrays, { unknown: 'ignore' });
  const byName = new Map([...matched].map(([{ name }, array]) => [name, array]));
  return backboneFromSource(graph, ({ name }) => toFloat32(byName.get(name)!).slice());
}

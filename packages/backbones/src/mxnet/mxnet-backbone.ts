/** A network from an MXNet checkpoint: its symbol says what it is, its `.params` holds the values. */
import { type Backbone, backboneFromGraph } from '../backbone.ts';
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
  return backboneFromGraph(graph, { parameters: arrays, unknown: 'ignore' });
}

/** Networks from MXNet checkpoints and back: a symbol says what a network is, its `.params` holds the values. */
import { type Backbone, backboneFromGraph } from '../backbone.ts';
import type { NamedArray } from '../named-array.ts';
import { exportParameters } from '../parameters/parameter-arrays.ts';
import { parseNdArrays, serializeNdArrays } from './ndarray-file.ts';
import { readMxnetSymbol, type SymbolOptions } from './symbol-reader.ts';
import { serializeMxnetSymbol } from './symbol-writer.ts';

/** The two files of a checkpoint. */
export interface MxnetCheckpoint {
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
export function backboneFromMxnet(checkpoint: MxnetCheckpoint & SymbolOptions): Backbone {
  const graph = readMxnetSymbol(checkpoint.symbol, checkpoint);
  const { arrays } = parseNdArrays(checkpoint.params);
  return backboneFromGraph(graph, { parameters: arrays, unknown: 'ignore' });
}

/** Options of {@link backboneToMxnet}. */
export interface ToMxnetOptions {
  /**
   * Arrays to store beside the network's own, named without `arg:`. The reference's `drop.py` looks for the sub-centres
   * `fc7_0_weight`, `fc7_1_weight`, ..., each `[classes * K, embeddingSize]`.
   */
  readonly heads?: readonly NamedArray[] | undefined;
}

/**
 * A network as a checkpoint that `mx.model.load_checkpoint` of MXNet 1.9 opens.
 *
 * Reads synchronously from the backend, which WebGPU in a browser cannot do.
 *
 * @throws BackbonesError `unsupported` for a layer that MXNet has no operator for
 */
export function backboneToMxnet(backbone: Backbone, { heads = [] }: ToMxnetOptions = {}): MxnetCheckpoint {
  const arrays = [
    ...exportParameters(backbone),
    ...heads.map((array) => ({ ...array, name: `arg:${array.name}` })),
  ];
  return {
    symbol: serializeMxnetSymbol(backbone.graph),
    params: serializeNdArrays({ names: arrays.map(({ name }) => name), arrays }),
  };
}

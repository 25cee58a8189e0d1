/**
 * The readers of this package that take files nobody vouches for, with small files of each kind to damage, and what holds for
 * each of them: whatever the bytes, a result or a typed error (with the offset, where there are bytes to point at), in
 * time and memory that a file of its size can ask for.
 */
import { createBackbone } from '../backbone.ts';
import { BackbonesError } from '../backbones-error.ts';
import { complexity } from '../graph/complexity.ts';
import { parseNetworkGraph } from '../graph/parse-network-graph.ts';
import { backboneToMxnet } from '../mxnet/mxnet-backbone.ts';
import { parseNdArrays, serializeNdArrays } from '../mxnet/ndarray-file.ts';
import { readMxnetSymbol } from '../mxnet/symbol-reader.ts';
import { serializeMxnetSymbol } from '../mxnet/symbol-writer.ts';
import { networkGraph } from '../networks/presets.ts';
import { exportParameters } from '../parameters/parameter-arrays.ts';
import { parseSafetensors, serializeSafetensors } from '../safetensors/safetensors.ts';
import { Mutations } from './mutations.ts';

/** A reader, and damaged input for it. */
export interface HostileReader {
  readonly name: string;
  /** Whether its errors of kind `invalid-file` have offsets. */
  readonly hasOffsets: boolean;
  read(mutations: Mutations): void;
}

/** Makes the undamaged files; a tfjs backend must be set. */
export function hostileReaders(): HostileReader[] {
  const config = { network: 'r8-narrow', inputSize: 16, filters: [4, 4, 4, 4], embeddingSize: 4 };
  const backbone = createBackbone({ ...config, width: 0.25, squeezeExcitation: true });
  const { params } = backboneToMxnet(backbone);
  const arrays = exportParameters(backbone).slice(0, 12);
  backbone.dispose();
  const names = arrays.map(({ name }) => name);
  const few = serializeNdArrays({ names: names.slice(0, 3), arrays: arrays.slice(0, 3) });
  const safetensors = serializeSafetensors({ tensors: arrays, metadata: { made: 'here' } });
  const symbol = serializeMxnetSymbol(networkGraph({ ...config, output: 'GNAP' }));
  const graph = JSON.stringify(networkGraph(config));
  const bytes = (
    name: string,
    files: readonly Uint8Array[],
    read: (file: Uint8Array) => void,
  ): HostileReader => ({
    name,
    hasOffsets: true,
    read: (mutations) => read(mutations.bytes(files[mutations.below(files.length)]!)),
  });
  const text = (name: string, file: string, read: (file: string) => void): HostileReader => ({
    name,
    hasOffsets: false,
    read: (mutations) => read(mutations.text(file)),
  });
  return [
    bytes('.params', [params, few], parseNdArrays),
    bytes('safetensors', [safetensors], parseSafetensors),
    text('symbol JSON', symbol, (file) => complexity(readMxnetSymbol(file, { inputShape: [16, 16, 3] }))),
    text('graph JSON', graph, (file) => {
      const value = parsedOrRefused(file);
      complexity(parseNetworkGraph(value));
    }),
  ];
}

/** @returns whether the damaged input was refused */
export function refuses(reader: HostileReader, seed: number): boolean {
  try {
    reader.read(new Mutations(seed));
    return false;
  } catch (error) {
    const isTyped = error instanceof BackbonesError;
    const lacksOffset =
      isTyped && reader.hasOffsets && error.code === 'invalid-file' && error.offset === undefined;
    if (!isTyped || lacksOffset) {
      throw new Error(`${reader.name}, seed ${seed}: ${lacksOffset ? 'no offset' : 'not typed'}`, {
        cause: error,
      });
    }
    return true;
  }
}

function parsedOrRefused(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BackbonesError('invalid-graph', 'it is not JSON');
  }
}

/** Networks that embed faces, their parameters, and the files that hold them. The table of contents: */

// Networks, by name or recognised by their arrays

export type { BackboneConfig } from './networks/backbone-config.ts';
export { type OutputHead, outputHeads } from './networks/output-heads.ts';
export { listNetworks, type NetworkDescription, networkGraph } from './networks/presets.ts';
export {
  type RecognisedNetwork,
  type RecogniseOptions,
  recogniseNetwork,
} from './networks/recognise-network.ts';

// A network that runs: to train, or to embed only

export {
  type ApplyOptions,
  type Backbone,
  backboneFromGraph,
  type CreateOptions,
  createBackbone,
  type FromGraphOptions,
  type Parameter,
} from './backbone.ts';
export type { BackwardStages } from './graph/backward-stages.ts';
export { inferenceBackbone } from './inference-backbone.ts';
export { type BatchNormOptions, type BatchNormParameters, batchNorm } from './operations/batch-norm.ts';

// A network as data

export { type Complexity, complexity, type LayerComplexity } from './graph/complexity.ts';
export type {
  LayerNode,
  NetworkGraph,
  WeightDistribution,
  WeightInitializer,
} from './graph/network-graph.ts';
export { parseNetworkGraph } from './graph/parse-network-graph.ts';
export type { Layer } from './layers/layer-table.ts';

// Arrays by name, and which of them are a network's

export {
  bytesOfValues,
  ELEMENT_BYTES,
  type ElementType,
  elementCount,
  type NamedArray,
  type TypedArray,
  toFloat32,
  valuesOfBuffer,
} from './named-array.ts';
export { nearestNames } from './nearest-names.ts';
export { type NetworkParameters, networkParameters } from './parameters/network-parameters.ts';
export {
  checkpointName,
  type ExportOptions,
  exportParameters,
  type ImportOptions,
  importParameters,
} from './parameters/parameter-arrays.ts';

// Files of MXNet

export {
  backboneFromMxnet,
  backboneToMxnet,
  type MxnetCheckpoint,
  type ToMxnetOptions,
} from './mxnet/mxnet-backbone.ts';
export { type NdArrayFile, parseNdArrays, serializeNdArrays } from './mxnet/ndarray-file.ts';
export { readMxnetSymbol, type SymbolOptions } from './mxnet/symbol-reader.ts';
export { serializeMxnetSymbol } from './mxnet/symbol-writer.ts';

// Safetensors files

export { parseSafetensors, type Safetensors, serializeSafetensors } from './safetensors/safetensors.ts';
export {
  readSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
  serializeSafetensorsHeader,
} from './safetensors/safetensors-header.ts';

// ONNX models: written, and how those of others want their images

export type { OnnxResult, OnnxSession, OpenOnnxSession } from './onnx/candidate-runs.ts';
export type { OnnxImageInput, PixelType } from './onnx/image-input.ts';
export { formatOnnxInput, type OnnxInputConvention, parseOnnxInput } from './onnx/input-convention.ts';
export { inputPixels } from './onnx/input-pixels.ts';
export { exportOnnx, type NetworkValues, type OnnxExportOptions } from './onnx/onnx-writer.ts';
export {
  type ResolvedOnnxInput,
  type ResolveInputOptions,
  resolveOnnxInput,
} from './onnx/resolve-input.ts';

// Errors

export { BackbonesError, type BackbonesErrorCode } from './backbones-error.ts';

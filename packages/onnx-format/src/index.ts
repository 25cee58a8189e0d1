/** ONNX models as plain data: read, made, written. */
export { byteLengthOf, type ElementType, elementTypes } from './element-type.ts';
export type {
  ExternalData,
  OnnxAttributes,
  OnnxAttributeValue,
  OnnxGraph,
  OnnxModel,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from './model.ts';
export { OnnxFormatError, type OnnxFormatErrorCode } from './onnx-format-error.ts';
export { type ParseOptions, parseOnnxModel } from './read-model.ts';
export type { ExternalDataPolicy, ExternalDataReader } from './read-tensor.ts';
export { type TensorValues, tensorOf, tensorValues } from './tensor-values.ts';
export { onnxModelPieces, serializeOnnxModel } from './write-model.ts';

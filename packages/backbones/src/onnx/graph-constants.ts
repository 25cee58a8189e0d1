/** The numbers that an ONNX graph computes with: its initialisers, what its Constant nodes hold, and either by another name. */
import { type OnnxGraph, type OnnxTensor, tensorOf, tensorValues } from 'onnx-format';
import { type TypedArray, toFloat32 } from '../named-array.ts';

/** Constants by the names of their values. */
export function graphConstants({ initializers, nodes }: OnnxGraph): ReadonlyMap<string, OnnxTensor> {
  const constants = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  for (const { opType, inputs, outputs, attributes } of nodes) {
    const tensor =
      opType === 'Constant'
        ? constantOf(outputs[0] ?? '', attributes)
        : // Exporters write an Identity where two layers share a constant.
          opType === 'Identity'
          ? constants.get(inputs[0] ?? '')
          : undefined;
    if (tensor !== undefined) constants.set(outputs[0]!, tensor);
  }
  return constants;
}

function constantOf(
  name: string,
  attributes: OnnxGraph['nodes'][number]['attributes'],
): OnnxTensor | undefined {
  const { value, value_float: float, value_floats: floats } = attributes;
  if (typeof value === 'object' && 'tensor' in value) return value.tensor;
  if (typeof float === 'object' && 'float' in float) return tensorOf(name, 'float32', [], [float.float]);
  if (typeof floats === 'object' && 'floats' in floats) {
    return tensorOf(name, 'float32', [floats.floats.length], floats.floats);
  }
  return undefined;
}

/** A constant's values; undefined when it is none, is in another file, or is not of floats. */
export function floatsOf(tensor: OnnxTensor | undefined): Float32Array | undefined {
  if (tensor === undefined || tensor.external !== undefined) return undefined;
  const { elementType } = tensor;
  return elementType === 'float32' ||
    elementType === 'float16' ||
    elementType === 'bfloat16' ||
    elementType === 'float64'
    ? toFloat32({ dtype: elementType, data: tensorValues(tensor) as TypedArray })
    : undefined;
}

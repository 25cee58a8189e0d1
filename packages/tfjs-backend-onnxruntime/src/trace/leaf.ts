// Leaves of the graph: values that have numbers from the start, because JavaScript wrote them.

import { type HostValues, loadRuntime } from '../runtime/native-binding.ts';
import { type DType, type Shape, TraceValue } from './trace-graph.ts';

/** A value with a copy of these numbers. Throws `runtime-unavailable`. */
export function makeLeaf(values: ArrayLike<number>, shape: Shape, dtype: DType): TraceValue {
  const value = new TraceValue(shape, dtype);
  const { Tensor } = loadRuntime();
  value.tensor = new Tensor(dtype, hostArray(values, dtype), shape);
  return value;
}

// Copied always: a caller may fill the same array with its next batch before this one has been computed.
function hostArray(values: ArrayLike<number>, dtype: DType): HostValues {
  // From one typed array to another the constructor copies memory; `from` would take element by element.
  if (dtype === 'float32') return new Float32Array(values);
  if (dtype === 'int32') return new Int32Array(values);
  return Uint8Array.from(values, (x) => (x ? 1 : 0));
}

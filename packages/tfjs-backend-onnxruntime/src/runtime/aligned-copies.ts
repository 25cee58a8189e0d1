// Filters that start where a cache line does. A convolution reads a line of its filter at once; from an array that starts anywhere, each
// of these reads touches two lines, for some 5 % of an IR-ResNet-50. JavaScript cannot ask for an aligned array. But what is large enough
// glibc takes from the system as whole pages and hands out 16 bytes behind their start. Elsewhere nothing is won, and nothing lost.

import { loadRuntime, type NativeTensor } from './native-binding.ts';

const lineBytes = 64;
/** Where the first line starts behind the 16 bytes. */
const firstLine = 48;
/** Smaller blocks may come from anywhere: glibc's limit moves, up to this. */
const leastBytes = 2 ** 25;

/** The same tensors; those of floats copied into one block, each at the start of a line, if they fill a large one. */
export function alignedCopies(tensors: readonly NativeTensor[]): readonly NativeTensor[] {
  const floats = tensors.filter(({ data }) => data instanceof Float32Array);
  const bytes = floats.reduce((sum, { data }) => sum + wholeLines(data.byteLength), firstLine);
  if (bytes <= leastBytes) return tensors;
  const { Tensor } = loadRuntime();
  const block = new ArrayBuffer(bytes);
  let start = firstLine;
  return tensors.map((tensor) => {
    if (!(tensor.data instanceof Float32Array)) return tensor;
    const copy = new Float32Array(block, start, tensor.data.length);
    copy.set(tensor.data);
    start += wholeLines(copy.byteLength);
    return new Tensor('float32', copy, tensor.dims);
  });
}

function wholeLines(bytes: number): number {
  return Math.ceil(bytes / lineBytes) * lineBytes;
}

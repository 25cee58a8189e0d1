// Pooling windows in images and volumes, channels first. ONNX Runtime refuses padding as wide as the window (a window
// could then see nothing else); tfjs allows it.

import type { Attributes } from '../onnx/graph.ts';
import type { Shape } from '../trace/trace-graph.ts';
import type { Lowering } from './lowering.ts';
import { maximaOfNumbers, nothingAsInfinity } from './not-a-number.ts';

export interface Windows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  /** Before each spatial axis, then after each. */
  readonly pads: readonly number[];
}

/** [N, ...spatial, C] as [N, C, ...spatial]. */
export function channelsFirstShape(shape: Shape): Shape {
  return [shape[0]!, shape.at(-1)!, ...shape.slice(1, -1)];
}

/** The windows as ONNX's pooling takes them. */
export function onnxWindows({ kernel, strides, pads }: Windows): Attributes {
  return { kernel_shape: kernel, strides, pads };
}

/** Whether padding is as wide as the windows, so that one may lie in it altogether: ONNX Runtime refuses that. */
export function reachIntoPadding({ kernel, pads }: Windows): boolean {
  return pads.some((pad, i) => pad >= kernel[i % kernel.length]!);
}

/** The input of a maximum with its padding written out where it must be, and the windows without it. */
export function padded(lowering: Lowering, x: string, windows: Windows) {
  if (!reachIntoPadding(windows)) return { x, windows, isPadded: false };
  const axes = windows.kernel.length;
  const pads = [0, 0, ...windows.pads.slice(0, axes), 0, 0, ...windows.pads.slice(axes)];
  const lowest = lowering.scalar(Number.NEGATIVE_INFINITY);
  return {
    x: lowering.op('Pad', [x, lowering.integers(pads), lowest]),
    windows: { ...windows, pads: new Array<number>(2 * axes).fill(0) },
    isPadded: true,
  };
}

/** How many elements of the input each window sees along one axis. */
function seen(input: number, output: number, kernel: number, stride: number, pad: number): number[] {
  return Array.from({ length: output }, (_, i) => {
    const begin = i * stride - pad;
    return Math.max(0, Math.min(input, begin + kernel) - Math.max(0, begin));
  });
}

/** The largest element or the average of each window; shapes are those of ONNX, [N, C, ...spatial]. */
export function pooledWindows(
  lowering: Lowering,
  type: 'MaxPool' | 'AveragePool',
  x: string,
  windows: Windows,
  shapes: { input: Shape; output: Shape },
): string {
  if (type === 'AveragePool') {
    return reachIntoPadding(windows)
      ? wideAverage(lowering, x, windows, shapes)
      : lowering.op(type, [x], onnxWindows(windows));
  }
  const result = { shape: shapes.output, dtype: 'float32' } as const;
  return maximaOfNumbers(lowering, x, result, (numbers) => maxima(lowering, numbers, windows));
}

function maxima(lowering: Lowering, x: string, windows: Windows): string {
  const inner = padded(lowering, x, windows);
  const result = lowering.op('MaxPool', [inner.x], onnxWindows(inner.windows));
  return inner.isPadded ? nothingAsInfinity(lowering, result) : result;
}

/** Sums by a convolution, which takes any padding, divided by what each window sees. */
function wideAverage(
  lowering: Lowering,
  x: string,
  windows: Windows,
  { input, output }: { input: Shape; output: Shape },
): string {
  const { kernel, strides, pads } = windows;
  const planes = lowering.reshape(x, [input[0]! * input[1]!, 1, ...input.slice(2)]);
  const ones = lowering.filled(1, { shape: [1, 1, ...kernel], dtype: 'float32' });
  const sums = lowering.reshape(lowering.op('Conv', [planes, ones], onnxWindows(windows)), output);
  const perAxis = kernel.map((size, i) => seen(input[i + 2]!, output[i + 2]!, size, strides[i]!, pads[i]!));
  const products = perAxis.reduce((all, sizes) => all.flatMap((p) => sizes.map((n) => p * n)), [1]);
  // A window that sees nothing gives 0.
  const counts = products.map((count) => Math.max(1, count));
  return lowering.op('Div', [sums, lowering.graph.constant('float32', [1, 1, ...output.slice(2)], counts)]);
}

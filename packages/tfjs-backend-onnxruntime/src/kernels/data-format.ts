// Convolutions of images that come channels first (`dataFormat: 'NCHW'`): the same kernels between two transposes, which
// cancel against the layout that the convolution works in.

import type { TraceValue } from '../trace/trace-graph.ts';
import { composed, type KernelCall, type KernelRow, required, traceKernel } from './kernel-row.ts';
import { shapeKernels } from './shape.ts';

const transpose = shapeKernels.find((row) => row.kernel === 'Transpose')!;

export function toChannelsLast(call: KernelCall, x: TraceValue): TraceValue {
  return traceKernel(call, transpose, { x }, { perm: [0, 2, 3, 1] });
}

export function toChannelsFirst(call: KernelCall, x: TraceValue): TraceValue {
  return traceKernel(call, transpose, { x }, { perm: [0, 3, 1, 2] });
}

/** `[N, C, H, W]` as `[N, H, W, C]`. */
export function channelsLastShape([n, c, h, w]: readonly number[]): readonly number[] {
  return [n!, h!, w!, c!];
}

/** Explicit padding, one pair an axis, in the order of the axes of channels-last. */
export function channelsLastPad(pad: unknown): unknown {
  if (!Array.isArray(pad)) return pad;
  const [n, c, h, w] = pad as unknown[];
  return [n, h, w, c];
}

export function isChannelsFirst(call: KernelCall): boolean {
  return (call.attributes as { dataFormat?: string }).dataFormat === 'NCHW';
}

/** The convolution kernel `row`, taking images in both orders: those among its inputs and, perhaps, its output. */
export function inBothFormats(
  row: KernelRow,
  images: readonly string[],
  filters: readonly string[],
  givesImage: boolean,
): KernelRow {
  return composed(row.kernel, (call) => {
    if (!isChannelsFirst(call)) return row.run(call);
    const inputs = Object.fromEntries([
      ...images.map((name) => [name, toChannelsLast(call, required(call, name))]),
      ...filters.map((name) => [name, required(call, name)]),
    ]) as Record<string, TraceValue>;
    const { inputShape, ...rest } = call.attributes as {
      inputShape?: readonly number[];
      pad?: unknown;
    };
    const attributes = { ...rest, pad: channelsLastPad(rest.pad), dataFormat: 'NHWC' };
    const shaped = inputShape ? { ...attributes, inputShape: channelsLastShape(inputShape) } : attributes;
    const result = traceKernel(call, row, inputs, shaped);
    return givesImage ? toChannelsFirst(call, result) : result;
  });
}

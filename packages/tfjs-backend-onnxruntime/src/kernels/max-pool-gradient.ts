// The gradient of a maximum over windows goes to the element that was the maximum (the first, where several are). ONNX's
// MaxPool can tell which one that was, as a position in the whole tensor; the gradients are added up there.

import type { MaxPool3DGradAttrs, MaxPoolGradAttrs } from '@tensorflow/tfjs-core';
import { geometryOf, seenPart } from '../lowering/convolution-geometry.ts';
import type { Lowering } from '../lowering/lowering.ts';
import { onnxWindows, padded, type Windows } from '../lowering/pooling-windows.ts';
import { sizeOf, type TraceValue } from '../trace/trace-graph.ts';
import { type KernelRow, primitive } from './kernel-row.ts';
import { pooled } from './pooling.ts';
import { channelsFirst, defineChannelsLast, poolingGeometry } from './volume.ts';

/** dx from x and dy, all channels first. */
function routed(lowering: Lowering, dy: string, x: string, dx: TraceValue, windows: Windows): string {
  const spatial = dx.shape.slice(1, -1);
  const axes = spatial.length;
  const inner = padded(lowering, x, windows);
  const attributes = onnxWindows(inner.windows);
  const [, positions] = lowering.graph.ops('MaxPool', [inner.x], 2, attributes) as [string, string];
  const sizes = inner.isPadded
    ? spatial.map((size, i) => size + windows.pads[i]! + windows.pads[i + axes]!)
    : spatial;
  const shape = [dx.shape[0]!, dx.shape.at(-1)!, ...sizes];
  const zeros = lowering.filled(0, { shape: [sizeOf(shape)], dtype: 'float32' });
  const flat = (name: string) => lowering.reshape(name, [-1]);
  const scatter = { axis: 0, reduction: 'add' };
  const sums = lowering.op('ScatterElements', [zeros, flat(positions), flat(dy)], scatter);
  const whole = lowering.reshape(sums, shape);
  if (!inner.isPadded) return whole;
  const begin = windows.pads.slice(0, axes);
  const end = begin.map((pad, i) => pad + spatial[i]!);
  return lowering.slice(
    whole,
    begin,
    end,
    spatial.map((_, i) => i + 2),
  );
}

export const maxPoolGradientKernels: readonly KernelRow[] = [
  primitive<MaxPoolGradAttrs>({
    kernel: 'MaxPoolGrad',
    inputs: ['dy', 'input'],
    infer([, input], attributes) {
      const { attributes: geometry } = pooled(input!.shape, attributes);
      return { shape: input!.shape, dtype: 'float32', attributes: geometry };
    },
    lower(node, lowering) {
      const [dy, input] = node.inputs as [TraceValue, TraceValue];
      const dx = node.outputs[0]!;
      const windows = geometryOf(node);
      const part = seenPart(lowering, input, windows, dy.shape);
      const seen = routed(lowering, lowering.first(dy), lowering.first(part), part, windows);
      const unseen = [1, 2].map((axis) => dx.shape[axis]! - part.shape[axis]!);
      lowering.define(dx, 'first', lowering.pad(seen, [0, 0, 0, 0, 0, 0, ...unseen]));
    },
  }),
  primitive<MaxPool3DGradAttrs>({
    kernel: 'MaxPool3DGrad',
    inputs: ['dy', 'input'],
    infer([, input], attributes) {
      const { geometry } = poolingGeometry(input!.shape, attributes);
      return { shape: input!.shape, dtype: 'float32', attributes: geometry };
    },
    lower(node, lowering) {
      const [dy, input] = node.inputs as [TraceValue, TraceValue];
      const dx = node.outputs[0]!;
      const windows = node.attributes as unknown as Windows;
      const first = channelsFirst(lowering, input);
      defineChannelsLast(lowering, dx, routed(lowering, channelsFirst(lowering, dy), first, dx, windows));
    },
  }),
];

// Pooling of images. tfjs's averages leave the padding out of the count, as ONNX's do by default.

import {
  type AvgPoolAttrs,
  type AvgPoolGradAttrs,
  backend_util,
  type MaxPoolGradAttrs,
} from '@tensorflow/tfjs-core';
import { geometryAttributes, geometryOf, onnxGeometry } from '../lowering/convolution-geometry.ts';
import { channelsFirstShape, pooledWindows } from '../lowering/pooling-windows.ts';
import type { Shape } from '../trace/trace-graph.ts';
import { convolutionKernels } from './convolution.ts';
import { creationKernels } from './creation.ts';
import { composed, type KernelRow, primitive, required, traceKernel } from './kernel-row.ts';

/** Shape and geometry of what a pooling kernel gives. */
export function pooled(
  x: Shape,
  { filterSize, strides, pad, dimRoundingMode }: AvgPoolAttrs | MaxPoolGradAttrs,
) {
  const info = backend_util.computePool2DInfo(
    x as [number, number, number, number],
    filterSize,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const { top, left, bottom, right } = info.padInfo;
  const attributes = geometryAttributes({
    kernel: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [1, 1],
    pads: [top, left, bottom, right],
  });
  return { shape: info.outShape as Shape, attributes };
}

function pooling(kernel: 'MaxPool' | 'AvgPool', type: 'MaxPool' | 'AveragePool'): KernelRow {
  return primitive<AvgPoolAttrs>({
    kernel,
    inputs: ['x'],
    infer: ([x], attributes) => ({ ...pooled(x!.shape, attributes), dtype: x!.dtype }),
    lower(node, lowering) {
      const x = node.inputs[0]!;
      const output = node.outputs[0]!;
      const float = (name: string) => (x.dtype === 'float32' ? name : lowering.cast(name, 'float32'));
      const geometry = geometryOf(node);
      if (lowering.canBlock(x) && lowering.primary(x) === 'blocked' && x.dtype === 'float32') {
        const attributes = onnxGeometry(geometry);
        lowering.define(output, 'blocked', lowering.blockedOp(type, [lowering.blocked(x)], attributes));
        return;
      }
      const shapes = { input: channelsFirstShape(x.shape), output: channelsFirstShape(output.shape) };
      const y = pooledWindows(lowering, type, float(lowering.first(x)), geometry, shapes);
      lowering.define(output, 'first', x.dtype === 'float32' ? y : lowering.cast(y, x.dtype));
    },
  });
}

function rowOf(rows: readonly KernelRow[], kernel: string): KernelRow {
  return rows.find((row) => row.kernel === kernel)!;
}

// Each pixel gets its share of every window it lies in: the input gradient of a depthwise convolution by a constant.
const averageGradient = composed<AvgPoolGradAttrs>('AvgPoolGrad', (call, { filterSize, strides, pad }) => {
  const { shape: inputShape } = call.tensors.input!;
  const [height, width] = typeof filterSize === 'number' ? [filterSize, filterSize] : filterSize;
  const share = { shape: [height, width, inputShape[3]!, 1], value: 1 / (height * width), dtype: 'float32' };
  const filter = traceKernel(call, rowOf(creationKernels, 'Fill'), {}, share);
  const gradient = rowOf(convolutionKernels, 'DepthwiseConv2dNativeBackpropInput');
  return traceKernel(call, gradient, { dy: required(call, 'dy'), filter }, { inputShape, strides, pad });
});

export const poolingKernels: readonly KernelRow[] = [
  averageGradient,
  pooling('MaxPool', 'MaxPool'),
  pooling('AvgPool', 'AveragePool'),
];

// Pooling of images. tfjs's averages leave the padding out of the count, as ONNX's do by default.

import {
  type AvgPoolAttrs,
  type AvgPoolGradAttrs,
  backend_util,
  type MaxPoolGradAttrs,
} from '@tensorflow/tfjs-core';
import {
  geometryAttributes,
  geometryOf,
  geometryOfWindows,
  onnxGeometry,
  seenPart,
} from '../lowering/convolution-geometry.ts';
import { fromFloat } from '../lowering/integer-cast.ts';
import { maximaOfNumbers } from '../lowering/not-a-number.ts';
import { channelsFirstShape, pooledWindows, reachIntoPadding } from '../lowering/pooling-windows.ts';
import { type Shape, sameShape } from '../trace/trace-graph.ts';
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
  return { shape: info.outShape as Shape, attributes: geometryAttributes(geometryOfWindows(info)) };
}

function pooling(kernel: 'MaxPool' | 'AvgPool', type: 'MaxPool' | 'AveragePool'): KernelRow {
  const row = primitive<AvgPoolAttrs>({
    kernel,
    inputs: ['x'],
    infer: ([x], attributes) => ({ ...pooled(x!.shape, attributes), dtype: x!.dtype }),
    lower(node, lowering) {
      const output = node.outputs[0]!;
      const geometry = geometryOf(node);
      const x = seenPart(lowering, node.inputs[0]!, geometry, output.shape);
      const float = (name: string) => (x.dtype === 'float32' ? name : lowering.cast(name, 'float32'));
      const isBlocked = lowering.canBlock(x) && lowering.primary(x) === 'blocked' && x.dtype === 'float32';
      if (isBlocked && !reachIntoPadding(geometry)) {
        const attributes = onnxGeometry(geometry);
        const images = lowering.blocked(x);
        const pool = (name: string) => lowering.blockedOp(type, [name], attributes);
        const result = { shape: channelsFirstShape(output.shape), dtype: 'float32' } as const;
        const y = type === 'MaxPool' ? maximaOfNumbers(lowering, images, result, pool) : pool(images);
        lowering.define(output, 'blocked', y);
        return;
      }
      const shapes = { input: channelsFirstShape(x.shape), output: channelsFirstShape(output.shape) };
      const y = pooledWindows(lowering, type, float(lowering.first(x)), geometry, shapes);
      lowering.define(output, 'first', fromFloat(lowering, y, x.dtype));
    },
  });
  return composed<AvgPoolAttrs>(kernel, (call, attributes) => {
    const x = call.tensors.x!;
    const { shape, attributes: geometry } = pooled(x.shape, attributes);
    // To tfjs windows of one pixel, as many as there are pixels, are the image itself, wherever padding has moved them.
    const isImage = geometry.kernel!.every((size) => size === 1) && sameShape(shape, x.shape);
    return isImage ? { aliasOf: x, shape } : row.run(call);
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

// tfjs's fused kernels (a convolution or matrix product, then a bias, then an activation) as the kernels they are
// made of; ONNX Runtime and the layouts fuse what can be fused.

import { OnnxRuntimeBackendError } from '../errors.ts';
import type { TraceValue } from '../trace/trace-graph.ts';
import { binaryKernels } from './binary.ts';
import { convolutionKernels } from './convolution.ts';
import { channelsLastPad, isChannelsFirst, toChannelsFirst, toChannelsLast } from './data-format.ts';
import type { KernelCall, KernelRow } from './kernel-row.ts';
import { composed, required, traceKernel } from './kernel-row.ts';
import { matmulKernels } from './matmul.ts';
import { unaryKernels } from './unary.ts';

interface FusedAttributes {
  readonly activation?: string;
  readonly leakyreluAlpha?: number;
}

const parts = new Map(
  [...unaryKernels, ...binaryKernels, ...convolutionKernels, ...matmulKernels].map((row) => [
    row.kernel,
    row,
  ]),
);

const activations = new Map([
  ['relu', 'Relu'],
  ['relu6', 'Relu6'],
  ['elu', 'Elu'],
  ['sigmoid', 'Sigmoid'],
]);

function activated(call: KernelCall, kernel: string, x: TraceValue, attributes: FusedAttributes): TraceValue {
  const { activation = 'linear', leakyreluAlpha = 0.2 } = attributes;
  if (activation === 'linear') return x;
  if (activation === 'leakyrelu')
    return traceKernel(call, parts.get('LeakyRelu')!, { x }, { alpha: leakyreluAlpha });
  if (activation === 'prelu') {
    const weights = required(call, 'preluActivationWeights');
    // Weights a channel are one row in either order; an image of weights comes in the order of the images.
    const isImage = isChannelsFirst(call) && weights.shape.length === 3;
    const alpha = isImage ? toChannelsLast(call, call.reshape(weights, [1, ...weights.shape])) : weights;
    return traceKernel(call, parts.get('Prelu')!, { x, alpha });
  }
  const name = activations.get(activation);
  if (name !== undefined) return traceKernel(call, parts.get(name)!, { x });
  throw new OnnxRuntimeBackendError(
    'unsupported-attribute',
    `${kernel}: activation ${activation} is not known (linear, relu, relu6, elu, sigmoid, leakyrelu, prelu are).`,
    { op: kernel },
  );
}

function fused(kernel: string, base: string, names: readonly [string, string]): KernelRow {
  return composed<FusedAttributes>(kernel, (call, attributes) => {
    const isFirst = isChannelsFirst(call);
    const inputs = Object.fromEntries(names.map((name) => [name, required(call, name)]));
    if (isFirst) inputs.x = toChannelsLast(call, inputs.x!);
    let y = traceKernel(
      call,
      parts.get(base)!,
      inputs,
      isFirst
        ? { ...attributes, pad: channelsLastPad((attributes as { pad?: unknown }).pad), dataFormat: 'NHWC' }
        : attributes,
    );
    const { bias } = call.tensors;
    if (bias) y = traceKernel(call, parts.get('Add')!, { a: y, b: call.value(bias) });
    y = activated(call, kernel, y, attributes);
    return isFirst ? toChannelsFirst(call, y) : y;
  });
}

export const fusedKernels: readonly KernelRow[] = [
  fused('FusedConv2D', 'Conv2D', ['x', 'filter']),
  fused('FusedDepthwiseConv2D', 'DepthwiseConv2dNative', ['x', 'filter']),
  fused('_FusedMatMul', 'BatchMatMul', ['a', 'b']),
];

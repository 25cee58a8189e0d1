// Convolutions, dense and depthwise, with both of their gradients each. The blocked layout where the channels fill
// whole blocks (an input with fewer channels than one block, such as an RGB image, may stay as it is), NCHW otherwise.

import {
  blockedDepthwiseFilter,
  blockedFilter,
  blockedTransposedFilter,
  narrowFilter,
  plainDepthwiseFilter,
  plainFilter,
  selectedTaps,
} from '../lowering/blocked-weights.ts';
import {
  type ConvolutionAttributes,
  convolutionGeometry,
  geometryAttributes,
  geometryOf,
  onnxGeometry,
  seenPart,
} from '../lowering/convolution-geometry.ts';
import { blockedInputGradient, plainInputGradient } from '../lowering/input-gradient.ts';
import type { Lowering } from '../lowering/lowering.ts';
import { depthwiseFilterGradient, filterGradient } from '../lowering/weight-gradient.ts';
import type { Shape, TraceNode, TraceValue } from '../trace/trace-graph.ts';
import { inBothFormats } from './data-format.ts';
import { type Inferred, type KernelRow, primitive } from './kernel-row.ts';

type Operands = readonly [TraceValue, TraceValue];

function forward(kernel: string, depthwise: boolean) {
  return (inputs: readonly TraceValue[], attributes: ConvolutionAttributes): Inferred => {
    const [x, filter] = inputs as Operands;
    const { geometry, outputShape } = convolutionGeometry(
      kernel,
      x.shape,
      filter.shape,
      attributes,
      depthwise,
    );
    return { shape: outputShape, dtype: 'float32', attributes: geometryAttributes(geometry) };
  };
}

function inputGradient(kernel: string, depthwise: boolean) {
  return (
    inputs: readonly TraceValue[],
    attributes: ConvolutionAttributes & { inputShape: Shape },
  ): Inferred => {
    const filter = inputs[1]!;
    const { geometry, inputShape } = convolutionGeometry(
      kernel,
      attributes.inputShape,
      filter.shape,
      attributes,
      depthwise,
    );
    return { shape: inputShape, dtype: 'float32', attributes: geometryAttributes(geometry) };
  };
}

function filterGradientOf(kernel: string, depthwise: boolean) {
  return (
    inputs: readonly TraceValue[],
    attributes: ConvolutionAttributes & { filterShape: Shape },
  ): Inferred => {
    const x = inputs[0]!;
    const { geometry } = convolutionGeometry(kernel, x.shape, attributes.filterShape, attributes, depthwise);
    return { shape: attributes.filterShape, dtype: 'float32', attributes: geometryAttributes(geometry) };
  };
}

function isBlockable(lowering: Lowering, channels: number): boolean {
  return lowering.blockSize > 0 && channels % lowering.blockSize === 0;
}

function lowerConvolution(node: TraceNode, lowering: Lowering): void {
  const [image, filter] = node.inputs as Operands;
  const output = node.outputs[0]!;
  const geometry = geometryOf(node);
  const x = seenPart(lowering, image, geometry, output.shape);
  const inputs = x.shape[3]!;
  const outputs = output.shape[3]!;
  const weights = lowering.last(filter);
  if (isBlockable(lowering, outputs) && (isBlockable(lowering, inputs) || inputs < lowering.blockSize)) {
    const isNarrow = inputs < lowering.blockSize;
    const arrange = isNarrow ? narrowFilter : blockedFilter;
    lowering.defineMappable(output, (map) => {
      const scaled = map?.gain ? lowering.op('Mul', [weights, map.gain]) : weights;
      const arranged = arrange(lowering, scaled, inputs, outputs, geometry.kernel);
      const images = isNarrow ? lowering.first(x) : lowering.blocked(x);
      const operands = map ? [images, arranged, map.shift] : [images, arranged];
      return lowering.blockedOp('Conv', operands, onnxGeometry(geometry));
    });
  } else {
    const y = lowering.product(
      'Conv',
      [lowering.first(x), plainFilter(lowering, weights)],
      onnxGeometry(geometry),
    );
    lowering.define(output, 'first', y);
  }
}

function lowerInputGradient(node: TraceNode, lowering: Lowering): void {
  const [dy, filterValue] = node.inputs as Operands;
  const dx = node.outputs[0]!;
  const geometry = geometryOf(node);
  const filter = lowering.last(filterValue);
  const inputs = dx.shape[3]!;
  const outputs = dy.shape[3]!;
  if (isBlockable(lowering, inputs) && isBlockable(lowering, outputs)) {
    const blocked = blockedInputGradient(lowering, {
      dy,
      dx,
      geometry,
      group: 1,
      filter: (taps) => blockedTransposedFilter(lowering, filter, inputs, outputs, geometry.kernel, taps),
    });
    if (blocked !== null) {
      lowering.define(dx, 'blocked', blocked);
      return;
    }
  }
  const plain = plainInputGradient(lowering, dy, dx, geometry, plainFilter(lowering, filter), 1);
  lowering.define(dx, 'first', plain);
}

function lowerDepthwise(node: TraceNode, lowering: Lowering): void {
  const [image, filter] = node.inputs as Operands;
  const output = node.outputs[0]!;
  const geometry = geometryOf(node);
  const x = seenPart(lowering, image, geometry, output.shape);
  const channels = x.shape[3]!;
  const multiplier = filter.shape[3]!;
  const attributes = { ...onnxGeometry(geometry), group: channels };
  const weights = lowering.last(filter);
  if (multiplier === 1 && lowering.canBlock(x)) {
    lowering.defineMappable(output, (map) => {
      const scaled = map?.gain
        ? lowering.op('Mul', [weights, lowering.reshape(map.gain, [channels, 1])])
        : weights;
      const arranged = blockedDepthwiseFilter(lowering, scaled, channels, geometry.kernel);
      const operands = [lowering.blocked(x), arranged];
      return lowering.blockedOp('Conv', map ? [...operands, map.shift] : operands, attributes);
    });
    return;
  }
  const arranged = plainDepthwiseFilter(lowering, weights, channels, multiplier, geometry.kernel);
  lowering.define(output, 'first', lowering.op('Conv', [lowering.first(x), arranged], attributes));
}

function lowerDepthwiseInputGradient(node: TraceNode, lowering: Lowering): void {
  const [dy, filterValue] = node.inputs as Operands;
  const dx = node.outputs[0]!;
  const geometry = geometryOf(node);
  const filter = lowering.last(filterValue);
  const channels = dx.shape[3]!;
  const multiplier = filterValue.shape[3]!;
  if (multiplier === 1 && lowering.canBlock(dx)) {
    const blocked = blockedInputGradient(lowering, {
      dy,
      dx,
      geometry,
      group: channels,
      filter: (taps) => {
        const picked = selectedTaps(lowering, filter, taps);
        return blockedDepthwiseFilter(lowering, picked, channels, [taps.rows.length, taps.columns.length]);
      },
    });
    if (blocked !== null) {
      lowering.define(dx, 'blocked', blocked);
      return;
    }
  }
  const arranged = plainDepthwiseFilter(lowering, filter, channels, multiplier, geometry.kernel);
  lowering.define(dx, 'first', plainInputGradient(lowering, dy, dx, geometry, arranged, channels));
}

function row<Attributes>(
  kernel: string,
  inputs: readonly string[],
  infer: (inputs: readonly TraceValue[], attributes: Attributes) => Inferred,
  lower: (node: TraceNode, lowering: Lowering) => void,
  properties: { isOfBackwardPass?: boolean } = {},
): KernelRow {
  return primitive<Attributes>({
    kernel,
    inputs,
    infer,
    lower,
    properties: { ...properties, isSumOfProducts: true },
  });
}

const convolution = row('Conv2D', ['x', 'filter'], forward('Conv2D', false), lowerConvolution);
const convolutionInputGradient = row(
  'Conv2DBackpropInput',
  ['dy', 'filter'],
  inputGradient('Conv2DBackpropInput', false),
  lowerInputGradient,
);
const convolutionFilterGradient = row(
  'Conv2DBackpropFilter',
  ['x', 'dy'],
  filterGradientOf('Conv2DBackpropFilter', false),
  (node, lowering) => {
    const [input, dy] = node.inputs as Operands;
    const x = lowering.untilBackward(input, dy);
    lowering.define(node.outputs[0]!, 'last', filterGradient(lowering, x, dy, geometryOf(node)));
  },
  { isOfBackwardPass: true },
);

export const convolutionKernels: readonly KernelRow[] = [
  inBothFormats(convolution, ['x'], ['filter'], true),
  inBothFormats(convolutionInputGradient, ['dy'], ['filter'], true),
  inBothFormats(convolutionFilterGradient, ['x', 'dy'], [], false),
  row('DepthwiseConv2dNative', ['x', 'filter'], forward('DepthwiseConv2dNative', true), lowerDepthwise),
  row(
    'DepthwiseConv2dNativeBackpropInput',
    ['dy', 'filter'],
    inputGradient('DepthwiseConv2dNativeBackpropInput', true),
    lowerDepthwiseInputGradient,
  ),
  row(
    'DepthwiseConv2dNativeBackpropFilter',
    ['x', 'dy'],
    filterGradientOf('DepthwiseConv2dNativeBackpropFilter', true),
    (node, lowering) => {
      const [input, dy] = node.inputs as Operands;
      const output = node.outputs[0]!;
      const x = lowering.untilBackward(input, dy);
      const gradient = depthwiseFilterGradient(lowering, x, dy, geometryOf(node), output.shape[3]!);
      lowering.define(output, 'last', gradient);
    },
    { isOfBackwardPass: true },
  ),
];

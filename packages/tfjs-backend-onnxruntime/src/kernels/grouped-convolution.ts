// Convolutions in groups, with both gradients: kernels of this backend (any backend may register them; `groupedConv2d` of
// tfjs-training-kernels calls them and composes where they are missing). ONNX's `Conv` knows groups. The blocked layout does
// too where a group fills whole blocks; narrower groups are put together until they do, with zeros in the filter between
// them: the arithmetic on zeros costs less than the layout saves.

import { blockedFilter, plainFilter } from '../lowering/blocked-weights.ts';
import {
  type ConvolutionAttributes,
  convolutionGeometry,
  type Geometry,
  geometryAttributes,
  geometryOf,
  onnxGeometry,
  seenPart,
} from '../lowering/convolution-geometry.ts';
import { groupedFilterGradient } from '../lowering/grouped-filter-gradient.ts';
import { groupsTogether, mergedFilter, transposedTaps } from '../lowering/grouped-filters.ts';
import { blockedInputGradient, plainInputGradient } from '../lowering/input-gradient.ts';
import type { Lowering } from '../lowering/lowering.ts';
import type { Shape, TraceNode, TraceValue } from '../trace/trace-graph.ts';
import { type Inferred, type KernelRow, primitive } from './kernel-row.ts';

interface GroupedAttributes extends ConvolutionAttributes {
  readonly groups: number;
}

type Operands = readonly [TraceValue, TraceValue];

const groupsOf = ({ attributes }: TraceNode) => attributes.groups as number;

function inferred(
  kernel: string,
  inputShape: Shape,
  filterShape: Shape,
  attributes: GroupedAttributes,
): { outputShape: Shape; nodeAttributes: Inferred['attributes'] } {
  const { geometry, outputShape } = convolutionGeometry(kernel, inputShape, filterShape, attributes, false);
  return {
    outputShape,
    nodeAttributes: { ...geometryAttributes(geometry), groups: attributes.groups },
  };
}

function lowerForward(node: TraceNode, lowering: Lowering): void {
  const [image, filterValue] = node.inputs as Operands;
  const output = node.outputs[0]!;
  const geometry = geometryOf(node);
  const x = seenPart(lowering, image, geometry, output.shape);
  const groups = groupsOf(node);
  const [, , inputs, filters] = filterValue.shape as readonly [number, number, number, number];
  const together = groupsTogether(lowering, { groups, inputs, outputs: filters / groups });
  const weights = lowering.last(filterValue);
  if (together === null) {
    const attributes = { ...onnxGeometry(geometry), group: groups };
    const y = lowering.product('Conv', [lowering.first(x), plainFilter(lowering, weights)], attributes);
    lowering.define(output, 'first', y);
    return;
  }
  lowering.defineMappable(output, (map) => {
    const scaled = map?.gain ? lowering.op('Mul', [weights, map.gain]) : weights;
    const merged = mergedFilter(lowering, scaled, filterValue.shape, groups, together);
    const arranged = blockedFilter(lowering, merged, inputs * together, filters, geometry.kernel);
    const operands = [lowering.blocked(x), arranged, ...(map ? [map.shift] : [])];
    return lowering.blockedOp('Conv', operands, { ...onnxGeometry(geometry), group: groups / together });
  });
}

function lowerInputGradient(node: TraceNode, lowering: Lowering): void {
  const [dy, filterValue] = node.inputs as Operands;
  const dx = node.outputs[0]!;
  const geometry: Geometry = geometryOf(node);
  const groups = groupsOf(node);
  const [, , inputs, filters] = filterValue.shape as readonly [number, number, number, number];
  const outputs = filters / groups;
  const together = groupsTogether(lowering, { groups, inputs, outputs });
  const weights = lowering.last(filterValue);
  if (together !== null) {
    const merged = mergedFilter(lowering, weights, filterValue.shape, groups, together);
    const sizes = { groups: groups / together, inputs: inputs * together, outputs: outputs * together };
    const blocked = blockedInputGradient(lowering, {
      dy,
      dx,
      geometry,
      group: sizes.groups,
      filter: (taps) => {
        const turned = transposedTaps(lowering, merged, geometry.kernel, sizes, taps);
        const kernel = [taps.rows.length, taps.columns.length] as const;
        return blockedFilter(lowering, turned, sizes.outputs, groups * inputs, kernel);
      },
    });
    if (blocked !== null) {
      lowering.define(dx, 'blocked', blocked);
      return;
    }
  }
  const plain = plainInputGradient(lowering, dy, dx, geometry, plainFilter(lowering, weights), groups);
  lowering.define(dx, 'first', plain);
}

export const groupedConvolutionKernels: readonly KernelRow[] = [
  primitive<GroupedAttributes>({
    kernel: 'GroupedConv2D',
    inputs: ['x', 'filter'],
    infer: ([x, filter], attributes) => {
      const { outputShape, nodeAttributes } = inferred('GroupedConv2D', x!.shape, filter!.shape, attributes);
      return { shape: outputShape, dtype: 'float32', attributes: nodeAttributes! };
    },
    lower: lowerForward,
  }),
  primitive<GroupedAttributes & { inputShape: Shape }>({
    kernel: 'GroupedConv2DBackpropInput',
    inputs: ['dy', 'filter'],
    infer: ([, filter], attributes) => {
      const { inputShape: shape } = attributes;
      const { nodeAttributes } = inferred('GroupedConv2DBackpropInput', shape, filter!.shape, attributes);
      return { shape, dtype: 'float32', attributes: nodeAttributes! };
    },
    lower: lowerInputGradient,
  }),
  primitive<GroupedAttributes & { filterShape: Shape }>({
    kernel: 'GroupedConv2DBackpropFilter',
    inputs: ['x', 'dy'],
    infer: ([x], attributes) => {
      const { filterShape: shape } = attributes;
      const { nodeAttributes } = inferred('GroupedConv2DBackpropFilter', x!.shape, shape, attributes);
      return { shape, dtype: 'float32', attributes: nodeAttributes! };
    },
    lower(node, lowering) {
      const [input, dy] = node.inputs as Operands;
      const x = lowering.untilBackward(input, dy);
      const gradient = groupedFilterGradient(lowering, x, dy, geometryOf(node), groupsOf(node));
      lowering.define(node.outputs[0]!, 'last', gradient);
    },
    properties: { isOfBackwardPass: true, isSumOfProducts: true },
  }),
];

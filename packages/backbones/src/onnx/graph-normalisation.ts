/**
 * What a graph does to pixels before its first convolution. Models that subtract and divide by themselves take 0..255 (or
 * 0..1); those that don't want it done for them. Networks converted from MXNet are of the first kind, those from PyTorch
 * mostly of the second.
 */
import type { OnnxGraph, OnnxNode, OnnxTensor } from 'onnx-format';
import { floatsOf, graphConstants } from './graph-constants.ts';
import { pathToConvolution } from './image-input.ts';

/** An affine function of each pixel: `factor * p + offset`, by channel where the channels differ. */
export interface GraphNormalisation {
  readonly factor: readonly number[];
  readonly offset: readonly number[];
  /** What the graph does, by the names of its nodes. */
  readonly nodes: readonly string[];
}

/** Operators that leave values alone, up to rounding: those that quantise them for a convolution among them. */
const NEUTRAL = new Set([
  ...['Identity', 'Cast', 'Transpose', 'Dropout', 'Pad'],
  ...['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear'],
]);

/**
 * The arithmetic that a graph itself does on its images, undefined when it does none (or what is not understood: then other
 * evidence must tell).
 */
export function graphNormalisation(input: string, graph: OnnxGraph): GraphNormalisation | undefined {
  const constants = graphConstants(graph);
  let affine = { factor: [1], offset: [0] };
  let image = input;
  const nodes: string[] = [];
  for (const node of pathToConvolution(input, graph) ?? []) {
    const output = node.outputs[0]!;
    if (!NEUTRAL.has(node.opType)) {
      const next = applied(node, image, constants, affine);
      if (next === undefined) return undefined;
      affine = next;
      nodes.push(node.name || node.opType);
    }
    image = output;
  }
  return nodes.length === 0 ? undefined : { ...affine, nodes };
}

type Affine = { readonly factor: number[]; readonly offset: number[] };

/** The function with one more operator behind it. */
function applied(
  { opType, inputs }: OnnxNode,
  image: string,
  constants: ReadonlyMap<string, OnnxTensor>,
  { factor, offset }: Affine,
): Affine | undefined {
  const position = inputs.indexOf(image);
  const other = constants.get(inputs[1 - position] ?? '');
  if (inputs.length !== 2 || other === undefined) return undefined;
  const values = numbersOf(other);
  if (values === undefined) return undefined;
  const first = position === 0;
  switch (opType) {
    case 'Add':
      return { factor, offset: combined(offset, values, (b, c) => b + c) };
    case 'Sub':
      return first
        ? { factor, offset: combined(offset, values, (b, c) => b - c) }
        : { factor: factor.map((a) => -a), offset: combined(offset, values, (b, c) => c - b) };
    case 'Mul':
      return {
        factor: combined(factor, values, (a, c) => a * c),
        offset: combined(offset, values, (b, c) => b * c),
      };
    case 'Div':
      return first
        ? {
            factor: combined(factor, values, (a, c) => a / c),
            offset: combined(offset, values, (b, c) => b / c),
          }
        : undefined;
    default:
      return undefined;
  }
}

/** One number or one a channel. */
function numbersOf(tensor: OnnxTensor): number[] | undefined {
  const count = tensor.dims.reduce((product, size) => product * size, 1);
  const values = count === 1 || count === 3 ? floatsOf(tensor) : undefined;
  return values && Array.from(values);
}

function combined(a: readonly number[], b: readonly number[], f: (x: number, y: number) => number): number[] {
  const length = Math.max(a.length, b.length);
  return Array.from({ length }, (_, i) => f(a[i % a.length]!, b[i % b.length]!));
}

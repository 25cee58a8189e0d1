/**
 * Finds in any ONNX model where images go in and embeddings come out: names, sizes and the order of the axes, from the
 * declared shapes, and from the first convolution where they leave something open.
 */
import type { ElementType, OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from 'onnx-format';
import { BackbonesError } from '../backbones-error.ts';
import type { OnnxInputConvention } from './input-convention.ts';

/** Element types in which pixels can be fed. */
const PIXEL_TYPES = ['float32', 'float16', 'uint8'] as const satisfies readonly ElementType[];
export type PixelType = (typeof PIXEL_TYPES)[number];

/** Where images go into a model, and embeddings come out. */
export interface OnnxImageInput {
  readonly name: string;
  readonly elementType: PixelType;
  /** Images at a time, where the model is made for a fixed number. */
  readonly batch: number | undefined;
  readonly layout: OnnxInputConvention['layout'] | undefined;
  /** Pixels; undefined where the model takes any. */
  readonly height: number | undefined;
  readonly width: number | undefined;
  /** The name of the output. */
  readonly output: string;
}

/**
 * @param options.output the output to use, in a model with several
 * @throws BackbonesError `unsupported` when the model does not take one batch of RGB images, naming what it takes
 */
export function findImageInput(
  { graph }: OnnxModel,
  options: { readonly output?: string | undefined } = {},
): OnnxImageInput {
  const constants = new Set(graph.initializers.map(({ name }) => name));
  // Old files list their weights among the inputs.
  const inputs = graph.inputs.filter(({ name }) => !constants.has(name));
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) {
    throw unsupported(
      `takes ${inputs.length} inputs (${inputs.map(describe).join(', ')}); a network for faces takes one`,
    );
  }
  const { elementType = 'float32', shape = [undefined, undefined, undefined, undefined] } = input;
  if (shape.length !== 4) {
    throw unsupported(`takes ${describe(input)}; expected a batch of images, of four dimensions`);
  }
  if (!isPixelType(elementType)) {
    throw unsupported(`takes ${describe(input)}; pixels can be ${PIXEL_TYPES.join(', ')}`);
  }
  const layout = layoutOf(input.name, shape, graph);
  const [height, width] = layout === 'NHWC' ? [shape[1], shape[2]] : [shape[2], shape[3]];
  const fixed = (size: number | string | undefined): number | undefined =>
    typeof size === 'number' && size > 0 ? size : undefined;
  return {
    name: input.name,
    elementType,
    batch: fixed(shape[0]),
    layout,
    height: layout === undefined ? undefined : fixed(height),
    width: layout === undefined ? undefined : fixed(width),
    output: chooseOutput(graph.outputs, options.output),
  };
}

function isPixelType(elementType: ElementType): elementType is PixelType {
  return PIXEL_TYPES.some((type) => type === elementType);
}

function chooseOutput(outputs: readonly OnnxValue[], wanted: string | undefined): string {
  const names = outputs.map(({ name }) => name);
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted;
    throw new BackbonesError(
      'invalid-option',
      `the ONNX model has no output ${JSON.stringify(wanted)}; it has ${names.join(', ')}`,
    );
  }
  const [only, ...others] = outputs;
  if (only !== undefined && others.length === 0) return only.name;
  throw unsupported(
    `has ${outputs.length} outputs (${outputs.map(describe).join(', ')}); say which is the embedding`,
  );
}

/** By where the three colours are, or else by how the image gets to the first convolution. */
function layoutOf(
  input: string,
  shape: NonNullable<OnnxValue['shape']>,
  graph: OnnxGraph,
): OnnxInputConvention['layout'] | undefined {
  const [, first, , last] = shape;
  const known = (size: typeof first): boolean => typeof size === 'number';
  if (first === 3 && last !== 3) return 'NCHW';
  if (last === 3 && first !== 3) return 'NHWC';
  if (known(first) && known(last)) {
    if (first === 3) return undefined;
    throw unsupported(`takes images of shape [${shape.map((size) => size ?? '?')}]; expected three colours`);
  }
  const path = pathToConvolution(input, graph);
  if (path === undefined) return undefined;
  const turns = path.filter(({ opType }) => opType === 'Transpose');
  if (turns.length === 0) return 'NCHW';
  return turns.length === 1 && String(turns[0]!.attributes.perm) === '0,3,1,2' ? 'NHWC' : undefined;
}

/** Convolutions, quantised ones and those that ONNX Runtime has fused with what follows among them. */
const CONVOLUTIONS = new Set(['Conv', 'ConvInteger', 'QLinearConv', 'FusedConv']);

/** Operators that pass images on, one behind another, up to the first convolution; undefined when there is none. */
export function pathToConvolution(input: string, graph: OnnxGraph): readonly OnnxNode[] | undefined {
  const readers = new Map<string, OnnxNode[]>();
  for (const node of graph.nodes) {
    // Reshapes further on ask for the size of the image, which is none of its values.
    if (node.opType === 'Shape') continue;
    for (const name of new Set(node.inputs)) {
      const known = readers.get(name);
      if (known === undefined) readers.set(name, [node]);
      else known.push(node);
    }
  }
  const path: OnnxNode[] = [];
  for (let value = input; path.length <= graph.nodes.length; ) {
    const [reader, ...others] = readers.get(value) ?? [];
    if (reader === undefined || others.length > 0 || reader.outputs.length === 0) return undefined;
    if (CONVOLUTIONS.has(reader.opType)) return path;
    path.push(reader);
    value = reader.outputs[0]!;
  }
  return undefined;
}

function describe({ name, elementType, shape }: OnnxValue): string {
  const sizes = shape?.map((size) => size ?? '?').join(', ') ?? 'any shape';
  return `${name}: ${elementType ?? 'unknown'} [${sizes}]`;
}

function unsupported(message: string): BackbonesError {
  return new BackbonesError('unsupported', `the ONNX model ${message}`);
}

// The gradient of a convolution with respect to its input, blocked. With stride 1 it is a convolution with the filter
// turned round. With a larger stride the pixels of the input fall into phases (even and odd rows and columns, for
// stride 2) that each see only some taps of the filter: one small convolution a phase, and the phases interleaved.
// What fits neither becomes ONNX's ConvTranspose.

import type { Attributes } from '../onnx/graph.ts';
import type { TraceValue } from '../trace/trace-graph.ts';
import type { Taps } from './blocked-weights.ts';
import { type Geometry, kernelExtent, usedEndPads } from './convolution-geometry.ts';
import type { Lowering } from './lowering.ts';

/** The taps of one phase of one axis, and the padding of dy that they need. */
interface Phase {
  readonly taps: readonly number[];
  readonly begin: number;
  readonly end: number;
}

interface BlockedInputGradient {
  readonly dy: TraceValue;
  readonly dx: TraceValue;
  readonly geometry: Geometry;
  /** 1, or the channels of a depthwise convolution. */
  readonly group: number;
  /** These taps of the filter, in the blocked order of a convolution that maps dy to dx. */
  filter(taps: Taps): string;
}

/** The blocked gradient's name, or null when the geometry does not fit. */
export function blockedInputGradient(lowering: Lowering, gradient: BlockedInputGradient): string | null {
  const { geometry, dy, dx } = gradient;
  const { kernel, strides, dilations, pads } = geometry;
  const grouped: Attributes = gradient.group > 1 ? { group: gradient.group } : {};
  if (strides[0] === 1 && strides[1] === 1) {
    const extent = kernelExtent(geometry);
    const turned = pads.map((pad, i) => extent[i % 2]! - 1 - pad);
    const end = usedEndPads(geometry, [dx.shape[1]!, dx.shape[2]!], [dy.shape[1]!, dy.shape[2]!]);
    const seesAll = end[0] === pads[2] && end[1] === pads[3];
    if (!seesAll || turned.some((pad) => pad < 0)) return null;
    const attributes = { kernel_shape: kernel, dilations, pads: turned, ...grouped };
    const weights = gradient.filter({ rows: descending(kernel[0]), columns: descending(kernel[1]) });
    return lowering.blockedOp('Conv', [lowering.blocked(dy), weights], attributes);
  }
  if (dilations[0] !== 1 || dilations[1] !== 1) return null;
  const [n, height, width, channels] = dx.shape as readonly [number, number, number, number];
  const [, dyHeight, dyWidth] = dy.shape as readonly [number, number, number, number];
  if (height !== dyHeight * strides[0] || width !== dyWidth * strides[1]) return null;
  const rows = phases(kernel[0], strides[0], pads[0]);
  const columns = phases(kernel[1], strides[1], pads[1]);
  if (!rows || !columns) return null;

  const block = lowering.blockSize;
  const blockRows = (n * channels * dyHeight) / block;
  const phase = (row: Phase, column: Phase): string => {
    const size = [row.taps.length, column.taps.length] as const;
    const shape = [blockRows, dyWidth, 1, block];
    if (size[0] === 0 || size[1] === 0) return lowering.op('ConstantOfShape', [lowering.integers(shape)]);
    const weights = gradient.filter({ rows: row.taps, columns: column.taps });
    const attributes = {
      kernel_shape: size,
      pads: [row.begin, column.begin, row.end, column.end],
      ...grouped,
    };
    return lowering.reshape(lowering.blockedOp('Conv', [lowering.blocked(dy), weights], attributes), shape);
  };
  const interleavedRows = rows.map((row) => {
    const parts = columns.map((column) => phase(row, column));
    const interleaved = parts.length === 1 ? parts[0]! : lowering.op('Concat', parts, { axis: 2 });
    return lowering.reshape(interleaved, [blockRows, 1, width * block]);
  });
  const whole =
    interleavedRows.length === 1 ? interleavedRows[0]! : lowering.op('Concat', interleavedRows, { axis: 1 });
  return lowering.reshape(whole, [n, channels, height, width]);
}

function descending(count: number): number[] {
  return Array.from({ length: count }, (_, i) => count - 1 - i);
}

// Input row i = stride*t + phase meets tap r at output row t + (phase + pad - r) / stride, where that is whole.
function phases(kernel: number, stride: number, pad: number): Phase[] | null {
  const result: Phase[] = [];
  for (let phase = 0; phase < stride; phase++) {
    const taps: { tap: number; offset: number }[] = [];
    for (let tap = 0; tap < kernel; tap++) {
      if ((phase + pad - tap) % stride === 0) taps.push({ tap, offset: (phase + pad - tap) / stride });
    }
    taps.sort((a, b) => a.offset - b.offset);
    const begin = taps.length === 0 ? 0 : -taps[0]!.offset;
    const end = taps.length === 0 ? 0 : taps.at(-1)!.offset;
    if (begin < 0 || end < 0) return null;
    result.push({ taps: taps.map(({ tap }) => tap), begin, end });
  }
  return result;
}

/** The gradient as ConvTranspose in NCHW. */
export function plainInputGradient(
  lowering: Lowering,
  dy: TraceValue,
  dx: TraceValue,
  geometry: Geometry,
  filter: string,
  group: number,
): string {
  const extent = kernelExtent(geometry);
  const { kernel, strides, dilations } = geometry;
  const pads = [...geometry.pads];
  const unseen = [0, 0, 0, 0, 0, 0, 0, 0];
  const outputPadding = [0, 1].map((axis) => {
    const produced =
      (dy.shape[axis + 1]! - 1) * strides[axis]! + extent[axis]! - pads[axis]! - pads[axis + 2]!;
    const missing = dx.shape[axis + 1]! - produced;
    // What no window saw, beyond what ONNX adds by itself, has no gradient.
    if (missing >= Math.max(strides[axis]!, dilations[axis]!)) unseen[6 + axis] = missing;
    else if (missing >= 0) return missing;
    else pads[axis + 2]! -= missing;
    return 0;
  });
  const operands = [lowering.first(dy), filter] as const;
  const attributes = {
    kernel_shape: kernel,
    strides,
    dilations,
    pads,
    output_padding: outputPadding,
    group,
  };
  // A convolution channel by channel is bound by memory: in half the precision it would gain less than the casts cost.
  const isDepthwise = group === dx.shape[3];
  const seen = isDepthwise
    ? lowering.op('ConvTranspose', operands, attributes)
    : lowering.product('ConvTranspose', operands, attributes);
  return lowering.pad(seen, unseen);
}

// Elementwise kernels of two or three inputs with numpy broadcasting: arithmetic, comparison, logic, selection.

import { backend_util } from '@tensorflow/tfjs-core';
import { lowerBroadcast, simplify } from '../lowering/broadcast.ts';
import { channelAlgebra } from '../lowering/channel-algebra.ts';
import { truncated } from '../lowering/integer-cast.ts';
import type { Lowering } from '../lowering/lowering.ts';
import { perChannelPrelu } from '../lowering/per-channel-prelu.ts';
import {
  type DType,
  type Shape,
  sameShape,
  sizeOf,
  type TraceNode,
  type TraceOp,
  type TraceValue,
  trace,
} from '../trace/trace-graph.ts';
import { composed, everyInput, type KernelRow, primitive, required, traceOp } from './kernel-row.ts';

type Write = (lowering: Lowering, a: string, b: string, dtype: DType) => string;

function broadcastShape(a: TraceValue, b: TraceValue): Shape {
  if (sameShape(a.shape, b.shape)) return a.shape;
  return backend_util.assertAndGetBroadcastShape([...a.shape], [...b.shape]);
}

const operator =
  (type: string): Write =>
  (lowering, a, b) =>
    lowering.op(type, [a, b]);

/** ONNX has no arithmetic on bool: it goes through int32 and back. */
function write(lowering: Lowering, how: Write, a: string, b: string, from: DType, to: DType): string {
  if (from !== 'bool') return how(lowering, a, b, from);
  const result = how(lowering, lowering.cast(a, 'int32'), lowering.cast(b, 'int32'), 'int32');
  return to === 'bool' ? lowering.cast(result, 'bool') : result;
}

function arithmetic(
  kernel: string,
  how: Write,
  lower?: (node: TraceNode, lowering: Lowering) => boolean,
  properties: Pick<TraceOp, 'isChannelMap' | 'isSumOfImages'> = {},
): KernelRow {
  return primitive({
    kernel,
    inputs: ['a', 'b'],
    infer: ([a, b]) => ({ shape: broadcastShape(a!, b!), dtype: a!.dtype }),
    lower(node, lowering) {
      if (lower?.(node, lowering)) return;
      const { dtype } = node.inputs[0]!;
      lowerBroadcast(node, lowering, ([a, b]) => write(lowering, how, a!, b!, dtype, dtype));
    },
    properties,
  });
}

function comparison(kernel: string, how: Write): KernelRow {
  return primitive({
    kernel,
    inputs: ['a', 'b'],
    infer: ([a, b]) => ({ shape: broadcastShape(a!, b!), dtype: 'bool' }),
    lower(node, lowering) {
      const { dtype } = node.inputs[0]!;
      lowerBroadcast(node, lowering, ([a, b]) => {
        if (dtype !== 'bool') return how(lowering, a!, b!, dtype);
        return how(lowering, lowering.cast(a!, 'int32'), lowering.cast(b!, 'int32'), 'int32');
      });
    },
  });
}

function logic(kernel: string, type: string): KernelRow {
  return primitive({
    kernel,
    inputs: ['a', 'b'],
    infer: ([a, b]) => ({ shape: broadcastShape(a!, b!), dtype: 'bool' }),
    lower: (node, lowering) =>
      lowerBroadcast(node, lowering, ([a, b]) =>
        lowering.op(type, [lowering.cast(a!, 'bool'), lowering.cast(b!, 'bool')]),
      ),
  });
}

/** One number per channel onto a blocked image is a depthwise 1x1 convolution, far faster than a broadcast. */
function perChannel(kind: 'multiply' | 'add' | 'subtract') {
  return (node: TraceNode, lowering: Lowering): boolean => {
    const output = node.outputs[0]!;
    if (!lowering.canBlock(output) || output.dtype !== 'float32') return false;
    const operands = simplify(node, lowering);
    const channels = output.shape[3]!;
    const isVector = (x: (typeof operands)[number]): x is TraceValue =>
      !('constant' in x) && sizeOf(x.shape) === channels && x.shape.at(-1) === channels && channels > 1;
    const isImage = (x: (typeof operands)[number]): x is TraceValue =>
      !('constant' in x) && sameShape(x.shape, output.shape) && lowering.primary(x) === 'blocked';
    const imageAt = operands.findIndex(isImage);
    if (imageAt < 0 || (kind === 'subtract' && imageAt === 1)) return false;
    const image = operands[imageAt]!;
    const vector = operands[1 - imageAt]!;
    if (!isImage(image) || !isVector(vector) || sameShape(vector.shape, output.shape)) return false;
    const algebra = channelAlgebra(lowering, image);
    const numbers = lowering.reshape(lowering.last(vector), [channels]);
    const affine = (gain: string | null, shift: string | null) => {
      const ones = () => lowering.graph.constant('float32', [channels], new Array(channels).fill(1));
      return algebra.affine(lowering.blocked(image), gain ?? ones(), shift);
    };
    if (kind === 'multiply') lowering.define(output, 'blocked', affine(numbers, null));
    else {
      const shift = kind === 'add' ? numbers : lowering.op('Neg', [numbers]);
      const written = imageAt === 0 ? lowering.mapped(image, { gain: null, shift }) : null;
      lowering.define(output, 'blocked', written ?? affine(null, shift));
    }
    return true;
  };
}

/** Adding one number a channel to the image before: what a bias is. */
function addsToChannels({ inputs: [x, bias], outputs: [output] }: TraceNode): boolean {
  const channels = output!.shape.at(-1)!;
  const isVector = sizeOf(bias!.shape) === channels && bias!.shape.at(-1) === channels;
  return isVector && output!.shape.length === 4 && sameShape(x!.shape, output!.shape);
}

function isSumOfImages({ inputs: [a, b], outputs: [output] }: TraceNode): boolean {
  const isImage = output!.shape.length === 4 && output!.dtype === 'float32';
  return isImage && sameShape(a!.shape, output!.shape) && sameShape(b!.shape, output!.shape);
}

/** An image onto what a convolution gives: it adds both in one. */
function addToConvolution(node: TraceNode, lowering: Lowering): boolean {
  if (!isSumOfImages(node)) return false;
  const [a, b] = node.inputs as readonly [TraceValue, TraceValue];
  if (lowering.primary(a) !== 'blocked' || lowering.primary(b) !== 'blocked') return false;
  const sum = lowering.summed(a, b) ?? lowering.summed(b, a);
  if (sum !== null) lowering.define(node.outputs[0]!, 'blocked', sum);
  return sum !== null;
}

const addPerChannel = perChannel('add');

/** Multiplying a small value by a large one full of ones only repeats it; tfjs's gradients of sums do that. */
function multiplyByOnes(node: TraceNode, lowering: Lowering): boolean {
  const output = node.outputs[0]!;
  for (const index of [0, 1]) {
    const ones = node.inputs[index]!;
    const other = node.inputs[1 - index]!;
    if (lowering.uniform(ones) !== 1 || other.dtype !== output.dtype) continue;
    if (sameShape(other.shape, output.shape)) {
      lowering.alias(output, other);
    } else {
      const expand = () => lowering.op('Expand', [lowering.last(other), lowering.integers(output.shape)]);
      lowering.postpone(output, expand, { broadcastOf: other });
    }
    return true;
  }
  return false;
}

const multiplyPerChannel = perChannel('multiply');

// The remainder with the sign of the divisor. The processor's division of integers traps, and takes the process with it, where
// there is no result (by 0) or it does not fit (the least of all by -1); divided by those, tfjs's remainder is 0, as it is by 1.
const modulo: Write = (lowering, a, b, dtype) => {
  if (dtype !== 'float32') {
    const isTrap = lowering.op('Or', [
      lowering.op('Equal', [b, lowering.scalar(0, dtype)]),
      lowering.op('Equal', [b, lowering.scalar(-1, dtype)]),
    ]);
    return lowering.op('Mod', [a, lowering.op('Where', [isTrap, lowering.scalar(1, dtype), b])]);
  }
  const remainder = lowering.op('Mod', [a, b], { fmod: 1 });
  const shifted = lowering.op('Mod', [lowering.op('Add', [remainder, b]), b], { fmod: 1 });
  const isNegative = (x: string) => lowering.op('Less', [x, lowering.scalar(0)]);
  const agree = lowering.op('Equal', [isNegative(a), isNegative(b)]);
  return lowering.op('Where', [agree, remainder, shifted]);
};

// Whole numbers: 64 bits hold the quotients that 32 do not, and of them the lower half is kept. By zero it is 0.
const floorOfQuotient: Write = (lowering, a, b) => {
  const [dividend, given] = [lowering.cast(a, 'int64'), lowering.cast(b, 'int64')];
  const zero = lowering.scalar(0, 'int64');
  const isZero = lowering.op('Equal', [given, zero]);
  const divisor = lowering.op('Where', [isZero, lowering.scalar(1, 'int64'), given]);
  const divisible = lowering.op('Sub', [dividend, lowering.op('Mod', [dividend, divisor])]);
  const quotient = lowering.op('Div', [divisible, divisor]);
  return lowering.cast(lowering.op('Where', [isZero, zero, quotient]), 'int32');
};

// Powers of integers that 32 bits do not hold keep the lower half of 64.
const power: Write = (lowering, a, b, dtype) => {
  if (dtype === 'float32') return lowering.op('Pow', [a, b]);
  return lowering.cast(lowering.op('Pow', [lowering.cast(a, 'int64'), lowering.cast(b, 'int64')]), 'int32');
};

// The angle of (|b|, |a|), moved into the quadrant of (b, a): zeros have signs, and two infinities are as good as two ones.
const arcTangent: Write = (lowering, a, b, dtype) => {
  if (dtype !== 'float32') {
    const floats = [a, b].map((name) => lowering.cast(name, 'float32')) as [string, string];
    return truncated(lowering, arcTangent(lowering, ...floats, 'float32'));
  }
  const op = (type: string, ...inputs: string[]) => lowering.op(type, inputs);
  const zero = lowering.scalar(0);
  const isNegative = (x: string) => op('Or', op('Less', x, zero), op('Less', op('Reciprocal', x), zero));
  const [height, width] = [op('Abs', a), op('Abs', b)];
  const slope = op('Where', op('Equal', height, width), lowering.scalar(1), op('Div', height, width));
  const isOrigin = op('Equal', op('Add', height, width), zero);
  const angle = op('Atan', op('Where', isOrigin, zero, slope));
  const turned = op('Where', isNegative(b), op('Sub', lowering.scalar(Math.PI), angle), angle);
  return op('Where', isNegative(a), op('Neg', turned), turned);
};

const prelu = primitive({
  kernel: 'Prelu',
  inputs: ['x', 'alpha'],
  infer: ([x, alpha], _, call) => ({
    shape: broadcastShape(x!, alpha!),
    dtype: 'float32',
    attributes: { convex: call.areConvex(alpha!) },
  }),
  lower(node, lowering) {
    const [x, alpha] = node.inputs as [TraceValue, TraceValue];
    const output = node.outputs[0]!;
    const channels = x.shape.at(-1)!;
    const isShared = sizeOf(alpha.shape) === 1;
    const isPerChannel = sizeOf(alpha.shape) === channels && alpha.shape.at(-1) === channels;
    if (
      lowering.canBlock(x) &&
      lowering.primary(x) === 'blocked' &&
      (isPerChannel || isShared) &&
      sameShape(x.shape, output.shape)
    ) {
      const given = lowering.reshape(lowering.last(alpha), [isShared ? 1 : channels]);
      const slope = isShared ? lowering.op('Expand', [given, lowering.integers([channels])]) : given;
      const isConvex = node.attributes.convex as boolean;
      const y = perChannelPrelu(lowering, channelAlgebra(lowering, x), lowering.blocked(x), {
        slope,
        isConvex,
      });
      lowering.define(output, 'blocked', y);
      return;
    }
    lowerBroadcast(node, lowering, (operands) => {
      const [value, slope] = operands.map((name, i) =>
        node.inputs[i]!.dtype === 'float32' ? name : lowering.cast(name, 'float32'),
      );
      const below = lowering.op('Mul', [lowering.op('Min', [value!, lowering.scalar(0)]), slope!]);
      return lowering.op('Add', [lowering.op('Relu', [value!]), below]);
    });
  },
});

const select = traceOp('Select', (node, lowering) => {
  const { dtype } = node.outputs[0]!;
  // ONNX Runtime selects no bools.
  const selected = dtype === 'bool' ? 'int32' : dtype;
  lowerBroadcast(node, lowering, ([condition, t, e]) => {
    const chosen = (name: string, value: TraceValue) =>
      value.dtype === selected ? name : lowering.cast(name, selected);
    const picked = [chosen(t!, node.inputs[1]!), chosen(e!, node.inputs[2]!)];
    const result = lowering.op('Where', [lowering.cast(condition!, 'bool'), ...picked]);
    return dtype === 'bool' ? lowering.cast(result, 'bool') : result;
  });
});

const sumOfMany = traceOp('AddN', (node, lowering) =>
  lowerBroadcast(node, lowering, (operands) => operands.reduce((sum, x) => lowering.op('Add', [sum, x]))),
);

export const binaryKernels: readonly KernelRow[] = [
  arithmetic(
    'Add',
    operator('Add'),
    (node, lowering) => addPerChannel(node, lowering) || addToConvolution(node, lowering),
    { isChannelMap: addsToChannels, isSumOfImages },
  ),
  arithmetic('Sub', operator('Sub'), perChannel('subtract'), { isChannelMap: addsToChannels }),
  arithmetic(
    'Multiply',
    operator('Mul'),
    (node, lowering) => multiplyByOnes(node, lowering) || multiplyPerChannel(node, lowering),
  ),
  arithmetic('Maximum', operator('Max')),
  arithmetic('Minimum', operator('Min')),
  arithmetic('Pow', power),
  arithmetic('Mod', modulo),
  arithmetic('Atan2', arcTangent),
  arithmetic('SquaredDifference', (lowering, a, b) => {
    const difference = lowering.op('Sub', [a, b]);
    return lowering.op('Mul', [difference, difference]);
  }),
  primitive({
    kernel: 'RealDiv',
    inputs: ['a', 'b'],
    infer: ([a, b]) => ({ shape: broadcastShape(a!, b!), dtype: 'float32' }),
    lower: (node, lowering) =>
      lowerBroadcast(node, lowering, (operands) =>
        lowering.op(
          'Div',
          operands.map((x, i) => (node.inputs[i]!.dtype === 'float32' ? x : lowering.cast(x, 'float32'))),
        ),
      ),
  }),

  // tfjs gives whole numbers as integers, whatever was divided.
  primitive({
    kernel: 'FloorDiv',
    inputs: ['a', 'b'],
    infer: ([a, b]) => ({ shape: broadcastShape(a!, b!), dtype: 'int32' }),
    lower: (node, lowering) =>
      lowerBroadcast(node, lowering, (operands) => {
        if (node.inputs.every(({ dtype }) => dtype !== 'float32')) {
          return floorOfQuotient(lowering, operands[0]!, operands[1]!, 'int32');
        }
        const floats = operands.map((x, i) =>
          node.inputs[i]!.dtype === 'float32' ? x : lowering.cast(x, 'float32'),
        );
        return truncated(lowering, lowering.op('Floor', [lowering.op('Div', floats)]));
      }),
  }),

  comparison('Equal', operator('Equal')),
  comparison('NotEqual', (lowering, a, b) => lowering.op('Not', [lowering.op('Equal', [a, b])])),
  comparison('Greater', operator('Greater')),
  comparison('GreaterEqual', operator('GreaterOrEqual')),
  comparison('Less', operator('Less')),
  comparison('LessEqual', operator('LessOrEqual')),

  logic('LogicalAnd', 'And'),
  logic('LogicalOr', 'Or'),
  logic('LogicalXor', 'Xor'),
  arithmetic('BitwiseAnd', operator('BitwiseAnd')),

  prelu,
  primitive({
    kernel: 'EluGrad',
    inputs: ['dy', 'y'],
    infer: ([, y]) => ({ shape: y!.shape, dtype: 'float32' }),
    lower: (node, lowering) =>
      lowerBroadcast(node, lowering, ([dy, y]) => {
        const slope = lowering.op('Min', [lowering.op('Add', [y!, lowering.scalar(1)]), lowering.scalar(1)]);
        return lowering.op('Mul', [dy!, slope]);
      }),
  }),
  composed('Select', (call) => {
    const t = required(call, 't');
    const e = required(call, 'e');
    const condition = required(call, 'condition');
    const dtype =
      t.dtype === 'float32' || e.dtype === 'float32' ? 'float32' : t.dtype === 'bool' ? e.dtype : t.dtype;
    const missing = t.shape.length - condition.shape.length;
    const shape = [...condition.shape, ...new Array<number>(missing).fill(1)];
    return trace(select, [call.reshape(condition, shape), t, e], { shape: t.shape, dtype });
  }),
  composed('AddN', (call) => {
    const inputs = everyInput(call);
    return trace(sumOfMany, inputs, { shape: inputs[0]!.shape, dtype: inputs[0]!.dtype });
  }),
];

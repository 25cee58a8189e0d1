// Two kernels of this backend (any backend may register them; tfjs-training-kernels has the functions that call them and
// compose where they are missing). `MarginSoftmax`, with its gradient: the cross-entropy of a softmax over scaled
// cosines, where each row's own class has an angular margin. `MaxOfGroupsGrad`: the gradient of the largest of every few
// columns. With rows of a hundred thousand classes each pass over them counts, and picking by index saves most of those
// that masks need; groups of three columns are the worst that ONNX Runtime's broadcasts can be given.

import type { Lowering } from '../lowering/lowering.ts';
import {
  sizeOf,
  type TraceAttributes,
  type TraceNode,
  type TraceValue,
  trace,
} from '../trace/trace-graph.ts';
import { composed, type KernelCall, type KernelRow, required, traceMany, traceOp } from './kernel-row.ts';

type PerRow = number | ArrayLike<number>;

interface MarginAttributes {
  /** The own class's logit is scale * f(c), f(c) = cos(m1 * acos(c) + m2) - m3. Radians. */
  readonly m1: number;
  readonly m2: PerRow;
  readonly m3: number;
  /** Up to this cosine, f(c) = c - drop instead. */
  readonly upTo?: PerRow;
  readonly drop?: PerRow;
  /** Other classes with a larger cosine leave the softmax. */
  readonly excludeAbove?: number;
}

const softmax = traceOp('MarginSoftmax', lowerSoftmax);
const softmaxGradient = traceOp('MarginSoftmaxGrad', lowerSoftmaxGradient);
const maxGradient = traceOp('MaxOfGroupsGrad', lowerMaxGradient);

export const marginSoftmaxKernels: readonly KernelRow[] = [
  composed<MarginAttributes>('MarginSoftmax', (call, margin) => {
    const [cosines, labels, scale] = operands(call);
    const type = { shape: cosines.shape.slice(0, 1), dtype: 'float32' } as const;
    return trace(softmax, [cosines, labels, scale, ...marginNumbers(call, margin)], type, graphOf(margin));
  }),
  composed<MarginAttributes>('MarginSoftmaxGrad', (call, margin) => {
    const [cosines, labels, scale] = operands(call);
    const inputs = [cosines, labels, scale, required(call, 'dy'), ...marginNumbers(call, margin)];
    const types = [
      { shape: cosines.shape, dtype: 'float32' },
      { shape: [], dtype: 'float32' },
    ] as const;
    return traceMany(softmaxGradient, inputs, types, graphOf(margin));
  }),
  composed<{ size: number }>('MaxOfGroupsGrad', (call, { size }) => {
    const x = required(call, 'x');
    return trace(maxGradient, [required(call, 'dy'), x], { shape: x.shape, dtype: 'float32' }, { size });
  }),
];

function operands(call: KernelCall): [cosines: TraceValue, labels: TraceValue, scale: TraceValue] {
  return [required(call, 'cosines'), required(call, 'labels'), required(call, 'scale')];
}

/** What of a margin decides the graph; everything else is a number that it is fed. */
function graphOf({ m1, upTo, excludeAbove }: MarginAttributes): TraceAttributes {
  return { scalesAngle: m1 !== 1, hasLine: upTo !== undefined, excludes: excludeAbove !== undefined };
}

/** The numbers of a margin as leaves, in the order in which `readMargin` takes them. */
function marginNumbers(call: KernelCall, margin: MarginAttributes): TraceValue[] {
  const { m1, m2, m3, upTo, drop, excludeAbove } = margin;
  const leaf = (value: PerRow, of: (value: number) => number = (same) => same): TraceValue =>
    typeof value === 'number'
      ? call.number(of(value))
      : call.leaf(Float32Array.from(value, of), [value.length, 1], 'float32');
  const angle = m1 === 1 ? [leaf(m2, Math.cos), leaf(m2, Math.sin)] : [leaf(m1), leaf(m2)];
  const line = upTo === undefined ? [] : [leaf(upTo), leaf(drop ?? 0)];
  return [...angle, leaf(m3), ...line, ...(excludeAbove === undefined ? [] : [leaf(excludeAbove)])];
}

/** Radians. Nearer to 0 and pi than this the slope, which has poles there, is held. */
const smallestAngle = 1e-3;

/** f(c) of cosines [B, 1], and its slope. */
function margin(
  lowering: Lowering,
  cosine: string,
  [first, second, m3, upTo, drop]: readonly string[],
  { scalesAngle, hasLine }: TraceAttributes,
): { value: string; slope: string } {
  const op = (type: string, ...inputs: string[]) => lowering.op(type, inputs);
  const number = (value: number) => lowering.scalar(value);
  const inside = op('Clip', cosine, number(-1), number(1));
  let value: string;
  let slope: string;
  if (scalesAngle) {
    const angle = op('Acos', inside);
    const held = op('Clip', angle, number(smallestAngle), number(Math.PI - smallestAngle));
    const moved = (theta: string) => op('Add', op('Mul', theta, first!), second!);
    value = op('Sub', op('Cos', moved(angle)), m3!);
    slope = op('Div', op('Mul', first!, op('Sin', moved(held))), op('Sin', held));
  } else {
    // cos(theta + m2) = cos(theta) cos(m2) - sin(theta) sin(m2)
    const sine = op('Sqrt', op('Mul', op('Sub', number(1), inside), op('Add', number(1), inside)));
    value = op('Sub', op('Sub', op('Mul', inside, first!), op('Mul', sine, second!)), m3!);
    const cotangent = op('Div', inside, op('Max', sine, number(Math.sin(smallestAngle))));
    slope = op('Add', first!, op('Mul', cotangent, second!));
  }
  if (!hasLine) return { value, slope };
  const isAbove = op('Greater', inside, upTo!);
  return {
    value: op('Where', isAbove, value, op('Sub', inside, drop!)),
    slope: op('Where', isAbove, slope, number(1)),
  };
}

interface Logits {
  readonly cosines: string;
  /** The columns of the own classes, [B, 1], and their cosines. */
  readonly own: string;
  readonly ownCosine: string;
  /** f of those cosines, and its slope: [B, 1]. */
  readonly target: { readonly value: string; readonly slope: string };
  /** [B, C] */
  readonly logits: string;
}

/** Its exponential is exactly zero. */
const outOfSoftmax = -1e9;

function writeLogits(
  lowering: Lowering,
  { inputs, attributes }: TraceNode,
  numbers: readonly TraceValue[],
): Logits {
  const [cosineValue, labels, scaleValue] = inputs as [TraceValue, TraceValue, TraceValue];
  const rows = cosineValue.shape[0]!;
  const cosines = lowering.last(cosineValue);
  const own = lowering.reshape(lowering.last(labels), [rows, 1]);
  const ownCosine = lowering.op('GatherElements', [cosines, own], { axis: 1 });
  const given = numbers.map((value) => lowering.last(value));
  const target = margin(lowering, ownCosine, given, attributes);
  const scale = lowering.last(scaleValue);
  let others = lowering.op('Mul', [cosines, scale]);
  if (attributes.excludes) {
    const leaves = lowering.op('Greater', [cosines, given.at(-1)!]);
    others = lowering.op('Where', [leaves, lowering.scalar(outOfSoftmax), others]);
  }
  const logits = scatter(lowering, others, own, lowering.op('Mul', [target.value, scale]));
  return { cosines, own, ownCosine, target, logits };
}

/** One element of each row replaced. */
function scatter(lowering: Lowering, rows: string, column: string, values: string): string {
  return lowering.op('ScatterElements', [rows, column, values], { axis: 1 });
}

function lowerSoftmax(node: TraceNode, lowering: Lowering): void {
  const { logits, own } = writeLogits(lowering, node, node.inputs.slice(3));
  const logProbability = lowering.op('LogSoftmax', [logits], { axis: 1 });
  const ofTarget = lowering.op('GatherElements', [logProbability, own], { axis: 1 });
  const loss = node.outputs[0]!;
  lowering.define(loss, 'last', lowering.reshape(lowering.op('Neg', [ofTarget]), loss.shape));
}

function lowerSoftmaxGradient(node: TraceNode, lowering: Lowering): void {
  const [, , scale, dy] = node.inputs as [TraceValue, TraceValue, TraceValue, TraceValue];
  const [dCosines, dScale] = node.outputs as [TraceValue, TraceValue];
  const { cosines, own, ownCosine, target, logits } = writeLogits(lowering, node, node.inputs.slice(4));
  const mul = (a: string, b: string) => lowering.op('Mul', [a, b]);
  const sub = (a: string, b: string) => lowering.op('Sub', [a, b]);
  const perRow = lowering.reshape(lowering.last(dy), [dCosines.shape[0]!, 1]);
  const perLogit = mul(perRow, lowering.last(scale));
  const probability = lowering.op('Softmax', [logits], { axis: 1 });
  const ofTarget = lowering.op('GatherElements', [probability, own], { axis: 1 });
  const missing = sub(ofTarget, lowering.scalar(1));
  const onTarget = mul(mul(perLogit, missing), target.slope);
  lowering.define(dCosines, 'last', scatter(lowering, mul(probability, perLogit), own, onTarget));
  // The sum over classes of probability * (logit / scale), less that of the own class.
  lowering.postpone(dScale, () => {
    const overAll = lowering.reduceSum(mul(probability, cosines), [1], true);
    const overOthers = sub(overAll, mul(ofTarget, ownCosine));
    const perImage = lowering.op('Add', [overOthers, mul(missing, target.value)]);
    return lowering.reshape(lowering.reduceSum(mul(perImage, perRow), [0, 1]), []);
  });
}

function lowerMaxGradient(node: TraceNode, lowering: Lowering): void {
  const [dy, x] = node.inputs as [TraceValue, TraceValue];
  const [rows, groups] = dy.shape as readonly [number, number];
  const size = node.attributes.size as number;
  const apart = lowering.reshape(lowering.last(x), [rows, groups, size]);
  const winner = lowering.op('ArgMax', [apart], { axis: 2, keepdims: 0 });
  const starts = (count: number, step: number) => Array.from({ length: count }, (_, i) => i * step);
  const inRow = lowering.op('Add', [
    winner,
    lowering.graph.constant('int64', [1, groups], starts(groups, size)),
  ]);
  const positions = lowering.op('Add', [
    inRow,
    lowering.graph.constant('int64', [rows, 1], starts(rows, groups * size)),
  ]);
  // What puts numbers where their maxima came from and zeros elsewhere, without a mask.
  const asSignal = [1, 1, sizeOf(dy.shape)];
  const spread = lowering.op(
    'MaxUnpool',
    [lowering.reshape(lowering.last(dy), asSignal), lowering.reshape(positions, asSignal)],
    { kernel_shape: [size], strides: [size] },
  );
  lowering.define(node.outputs[0]!, 'last', lowering.reshape(spread, x.shape));
}

// Elementwise kernels of one input: a table of how each is said in ONNX. Most are one operator. Where ONNX has
// none, or where the obvious formula loses digits (log(1 + x), exp(x) - 1 near zero), the row says how it is made.

import type { CastAttrs, ClipByValueAttrs, LeakyReluAttrs, StepAttrs } from '@tensorflow/tfjs-core';
import { lowerBroadcast, lowerUnary } from '../lowering/broadcast.ts';
import { truncated } from '../lowering/integer-cast.ts';
import type { Lowering } from '../lowering/lowering.ts';
import { type DType, trace } from '../trace/trace-graph.ts';
import { asDType } from './dtype.ts';
import { type Alias, composed, type KernelRow, primitive, required, traceOp } from './kernel-row.ts';

type Write = (lowering: Lowering, x: string, dtype: DType) => string;

const operator =
  (type: string): Write =>
  (lowering, x) =>
    lowering.op(type, [x]);

/** A row whose result is float32, whatever comes in. */
function float(kernel: string, write: Write): KernelRow {
  return primitive({
    kernel,
    inputs: ['x'],
    infer: ([x]) => ({ shape: x!.shape, dtype: 'float32' }),
    lower(node, lowering) {
      const { dtype } = node.inputs[0]!;
      lowerUnary(node, lowering, (x) =>
        write(lowering, dtype === 'float32' ? x : lowering.cast(x, 'float32'), 'float32'),
      );
    },
  });
}

/** A row whose result has the dtype of the input; `integers` tells what it is for int32, if not the same. */
function same(kernel: string, write: Write, integers: Write = write): KernelRow {
  return primitive({
    kernel,
    inputs: ['x'],
    infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
    lower(node, lowering) {
      const { dtype } = node.inputs[0]!;
      lowerUnary(node, lowering, (x) => {
        if (dtype !== 'bool') return (dtype === 'int32' ? integers : write)(lowering, x, dtype);
        return lowering.cast(integers(lowering, lowering.cast(x, 'int32'), 'int32'), 'bool');
      });
    },
  });
}

function truth(kernel: string, write: Write, integers: Write = write): KernelRow {
  return primitive({
    kernel,
    inputs: ['x'],
    infer: ([x]) => ({ shape: x!.shape, dtype: 'bool' }),
    lower(node, lowering) {
      const { dtype } = node.inputs[0]!;
      lowerUnary(node, lowering, (x) => (dtype === 'float32' ? write : integers)(lowering, x, dtype));
    },
  });
}

const unchanged: Write = (lowering, x) => lowering.op('Identity', [x]);
const always =
  (value: boolean): Write =>
  (lowering, x) => {
    const self = lowering.op('Equal', [x, x]);
    return value ? self : lowering.op('Not', [self]);
  };

// log(u)*x/(u - 1) with u = 1 + x: the rounding of u cancels (W. Kahan).
const logOnePlus: Write = (lowering, x) => {
  const one = lowering.scalar(1);
  const u = lowering.op('Add', [x, one]);
  const rest = lowering.op('Sub', [u, one]);
  const isExact = lowering.op('Or', [
    lowering.op('Equal', [rest, lowering.scalar(0)]),
    lowering.op('IsInf', [u], { detect_negative: 0 }),
  ]);
  const divisor = lowering.op('Where', [isExact, one, rest]);
  const corrected = lowering.op('Mul', [lowering.op('Log', [u]), lowering.op('Div', [x, divisor])]);
  return lowering.op('Where', [isExact, x, corrected]);
};

// 2*t/(1 - t) with t = tanh(x/2), which keeps its digits near zero.
const expMinusOne: Write = (lowering, x) => {
  const one = lowering.scalar(1);
  const half = lowering.scalar(0.5);
  const t = lowering.op('Tanh', [lowering.op('Mul', [x, half])]);
  const small = lowering.op('Div', [lowering.op('Add', [t, t]), lowering.op('Sub', [one, t])]);
  const large = lowering.op('Sub', [lowering.op('Exp', [x]), one]);
  return lowering.op('Where', [lowering.op('Less', [lowering.op('Abs', [x]), half]), small, large]);
};

const finite: Write = (lowering, x) =>
  lowering.op('Not', [lowering.op('Or', [lowering.op('IsNaN', [x]), lowering.op('IsInf', [x])])]);

const clip = traceOp('ClipByValue', (node, lowering) => {
  const isBool = node.outputs[0]!.dtype === 'bool';
  lowerBroadcast(node, lowering, ([x, low, high]) => {
    if (!isBool) return lowering.op('Clip', [x!, low!, high!]);
    return lowering.cast(lowering.op('Clip', [lowering.cast(x!, 'int32'), low!, high!]), 'bool');
  });
});

/** A bound of integers, which no integer is beyond if it is not finite. */
function wholeBound(bound: number): number {
  return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(bound)));
}

const cast = traceOp('Cast', (node, lowering) => {
  const from = node.inputs[0]!.dtype;
  const to = node.outputs[0]!.dtype;
  lowerUnary(node, lowering, (x) =>
    from === 'float32' && to === 'int32' ? truncated(lowering, x) : lowering.cast(x, to),
  );
});

export const unaryKernels: readonly KernelRow[] = [
  ...[
    'Exp',
    'Log',
    'Sqrt',
    'Sin',
    'Cos',
    'Tan',
    'Asin',
    'Acos',
    'Atan',
    'Sinh',
    'Cosh',
    'Tanh',
    'Asinh',
    'Acosh',
    'Atanh',
    'Erf',
    'Reciprocal',
    'Elu',
    'Selu',
  ].map((kernel) => float(kernel, operator(kernel))),
  float('Rsqrt', (lowering, x) => lowering.op('Reciprocal', [lowering.op('Sqrt', [x])])),
  // ONNX Runtime's own stops at 18 on both sides, where the logarithm of a sigmoid has only begun to be of use.
  float('Sigmoid', (lowering, x) => {
    const inverse = lowering.op('Add', [lowering.op('Exp', [lowering.op('Neg', [x])]), lowering.scalar(1)]);
    return lowering.op('Reciprocal', [inverse]);
  }),
  // max(x, 0) + log(1 + exp(-|x|)): ONNX Runtime's own is log(1 + exp(x)) below zero, which is 0 from -17 on.
  float('Softplus', (lowering, x) => {
    const rest = lowering.op('Exp', [lowering.op('Neg', [lowering.op('Abs', [x])])]);
    return lowering.op('Add', [lowering.op('Relu', [x]), logOnePlus(lowering, rest, 'float32')]);
  }),
  float('Log1p', logOnePlus),
  float('Expm1', expMinusOne),

  ...['Abs', 'Neg', 'Relu'].map((kernel) => same(kernel, operator(kernel))),
  ...['Floor', 'Ceil', 'Round'].map((kernel) => same(kernel, operator(kernel), unchanged)),
  same(
    'Sign',
    (lowering, x) =>
      // tfjs says 0 for what is not a number.
      lowering.op('Sign', [lowering.op('Where', [lowering.op('IsNaN', [x]), lowering.scalar(0), x])]),
    operator('Sign'),
  ),
  same('Square', (lowering, x) => lowering.op('Mul', [x, x])),
  same('Relu6', (lowering, x, dtype) =>
    lowering.op('Clip', [x, lowering.scalar(0, dtype), lowering.scalar(6, dtype)]),
  ),

  truth('IsNan', operator('IsNaN'), always(false)),
  truth('IsInf', operator('IsInf'), always(false)),
  truth('IsFinite', finite, always(true)),
  truth('LogicalNot', (lowering, x) => lowering.op('Not', [lowering.cast(x, 'bool')])),

  primitive<LeakyReluAttrs>({
    kernel: 'LeakyRelu',
    inputs: ['x'],
    infer: ([x], { alpha }) => ({ shape: x!.shape, dtype: 'float32', attributes: { alpha } }),
    lower(node, lowering) {
      const alpha = { float: node.attributes.alpha as number };
      lowerUnary(node, lowering, (x) => lowering.op('LeakyRelu', [lowering.cast(x, 'float32')], { alpha }));
    },
  }),
  primitive<StepAttrs>({
    kernel: 'Step',
    inputs: ['x'],
    infer: ([x], { alpha }) => ({ shape: x!.shape, dtype: x!.dtype, attributes: { alpha } }),
    lower(node, lowering) {
      const given = node.inputs[0]!.dtype;
      const dtype = given === 'bool' ? 'int32' : given;
      lowerUnary(node, lowering, (name) => {
        const x = given === 'bool' ? lowering.cast(name, dtype) : name;
        const positive = lowering.op('Greater', [x, lowering.scalar(0, dtype)]);
        const below = lowering.scalar(node.attributes.alpha as number, dtype);
        const step = lowering.op('Where', [positive, lowering.scalar(1, dtype), below]);
        if (given === 'bool') return lowering.cast(step, 'bool');
        return dtype === 'float32' ? lowering.op('Where', [lowering.op('IsNaN', [x]), x, step]) : step;
      });
    },
  }),
  composed<ClipByValueAttrs>('ClipByValue', (call, { clipValueMin, clipValueMax }) => {
    const x = required(call, 'x');
    const bounds = [clipValueMin, clipValueMax].map((bound) =>
      x.dtype === 'float32' ? call.number(bound) : call.number(wholeBound(bound), 'int32'),
    );
    return trace(clip, [x, ...bounds], { shape: x.shape, dtype: x.dtype });
  }),
  composed<CastAttrs>('Cast', (call, attributes) => {
    const tensor = call.tensors.x!;
    const dtype = asDType(attributes.dtype, 'Cast');
    if (tensor.dtype === dtype) return { aliasOf: tensor, shape: tensor.shape } satisfies Alias;
    const x = call.value(tensor);
    return trace(cast, [x], { shape: x.shape, dtype });
  }),
];

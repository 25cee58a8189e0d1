import { expect, it } from 'vitest';
import { loadRuntime } from '../runtime/native-binding.ts';
import { estimatePeakBytes } from './peak-memory.ts';
import { makeSchedule } from './schedule.ts';
import { hashSignature, sameSignature } from './signature.ts';
import { type Shape, type TraceOp, TraceValue, trace } from './trace-graph.ts';

const op = (name: string, code: number): TraceOp => ({ name, code, lower: () => {} });
const exp = op('Exp', 1);
const add = op('Add', 2);

function leaf(shape: Shape): TraceValue {
  const value = new TraceValue(shape, 'float32');
  const { Tensor } = loadRuntime();
  value.tensor = new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
  return value;
}

const float = (shape: Shape) => ({ shape, dtype: 'float32' as const });

it('takes what is needed, in order of creation, and numbers leaves by first use', () => {
  const [old, fresh] = [leaf([2]), leaf([2])];
  const b = trace(exp, [fresh!], float([2]));
  trace(exp, [old!], float([2]));
  const c = trace(add, [b, old!], float([2]));
  const schedule = makeSchedule([c]);
  expect(schedule.nodes.map((node) => node.op.name)).toEqual(['Exp', 'Add']);
  expect(schedule.leaves).toEqual([fresh, old]);
  expect(schedule.outputs).toEqual([c]);
});

it('has the same signature for the same structure on other tensors, whatever their age', () => {
  const kept = leaf([2]);
  const step = () => {
    const batch = leaf([2]);
    return makeSchedule([trace(add, [trace(exp, [batch], float([2])), kept], float([2]))]);
  };
  const first = step();
  const signature = first.signature.slice();
  const second = step();
  expect(second.hash).toBe(first.hash);
  expect(sameSignature(second.signature, signature)).toBe(true);
});

it.each([
  ['another shape', () => trace(exp, [leaf([3])], float([3]))],
  ['another attribute', () => trace(exp, [leaf([2])], float([2]), { alpha: 0.5 })],
  ['a negative zero', () => trace(exp, [leaf([2])], float([2]), { alpha: -0 })],
  ['a list for a number', () => trace(exp, [leaf([2])], float([2]), { alpha: [0] })],
  ['another operation', () => trace(add, [leaf([2])], float([2]))],
  [
    'two uses of one leaf',
    () => {
      const x = leaf([2]);
      return trace(exp, [x, x], float([2]));
    },
  ],
  ['two leaves', () => trace(exp, [leaf([2]), leaf([2])], float([2]))],
])('tells apart %s', (_, build) => {
  const plain = makeSchedule([trace(exp, [leaf([2])], float([2]), { alpha: 0 })]).hash;
  expect(makeSchedule([build()]).hash).not.toBe(plain);
});

it('hashes to different values for words in another order', () => {
  expect(hashSignature(Int32Array.of(1, 2, 3))).not.toBe(hashSignature(Int32Array.of(3, 2, 1)));
  expect(hashSignature(Int32Array.of(0))).not.toBe(hashSignature(Int32Array.of(0, 0)));
});

it('estimates memory as if values were freed after their last use', () => {
  const x = leaf([1000]);
  let value = x;
  for (let i = 0; i < 10; i++) value = trace(exp, [value], float([1000]));
  // A chain needs its input and its output at a time.
  expect(estimatePeakBytes(makeSchedule([value]))).toBe(2 * 4000);
});

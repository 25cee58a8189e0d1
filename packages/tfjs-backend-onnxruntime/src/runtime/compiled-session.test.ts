// Refusals of ONNX Runtime, which must name the tfjs kernel that caused them.

import { expect, it } from 'vitest';
import { OnnxRuntimeBackendError } from '../errors.ts';
import { compileSchedule } from '../lowering/compile.ts';
import type { Lowering } from '../lowering/lowering.ts';
import { defaultOptions } from '../options.ts';
import { makeSchedule } from '../trace/schedule.ts';
import { type TraceNode, TraceValue, trace } from '../trace/trace-graph.ts';
import { CompiledSession } from './compiled-session.ts';
import { loadRuntime, type NativeTensor } from './native-binding.ts';

const options = { ...defaultOptions(), threads: 1 };

function tensor(values: number[]): NativeTensor {
  const { Tensor } = loadRuntime();
  return new Tensor('float32', Float32Array.from(values), [values.length]);
}

/** Compiles one node that lowers as told, on a vector of two. */
function compileOne(lower: (node: TraceNode, lowering: Lowering) => void): CompiledSession {
  const leaf = new TraceValue([2], 'float32');
  leaf.tensor = tensor([1, 2]);
  const value = trace({ name: 'Peculiar', code: 77, lower }, [leaf], { shape: [2], dtype: 'float32' });
  const schedule = makeSchedule([value]);
  return new CompiledSession(
    compileSchedule(schedule, { blockSize: 0, heldBytes: Infinity, precision: 'float32' }),
    schedule.signature.slice(),
    0,
    options,
  );
}

function refusal(f: () => unknown): OnnxRuntimeBackendError {
  try {
    f();
  } catch (error) {
    if (error instanceof OnnxRuntimeBackendError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

it('runs what it compiled', () => {
  const session = compileOne((node, lowering) =>
    lowering.define(node.outputs[0]!, 'last', lowering.op('Neg', [lowering.last(node.inputs[0]!)])),
  );
  expect(session.run([tensor([3, -4])]).map(({ data }) => Array.from(data))).toEqual([[-3, 4]]);
  session.dispose();
});

it.each([
  ['an operator that does not exist', 'NoSuchOperator', undefined],
  ['an operator with a wrong attribute', 'Transpose', { perm: [0, 0] }],
])('names the kernel behind %s', (_, type, attributes) => {
  const error = refusal(() =>
    compileOne((node, lowering) =>
      lowering.define(
        node.outputs[0]!,
        'last',
        lowering.op(type, [lowering.last(node.inputs[0]!)], attributes),
      ),
    ),
  );
  expect(error).toMatchObject({ code: 'compilation-failed', op: 'Peculiar' });
  expect(error.message).toContain('Peculiar');
});

it('names the kernel that fails while running', () => {
  // The index is only known when the graph runs.
  const session = compileOne((node, lowering) => {
    const x = lowering.last(node.inputs[0]!);
    lowering.define(
      node.outputs[0]!,
      'last',
      lowering.op('Gather', [x, lowering.cast(x, 'int32')], { axis: 0 }),
    );
  });
  expect(session.run([tensor([1, 0])]).map(({ data }) => Array.from(data))).toEqual([[0, 1]]);
  expect(refusal(() => session.run([tensor([1, 100])]))).toMatchObject({
    code: 'run-failed',
    op: 'Peculiar',
  });
  session.dispose();
});

it('names the kernel whose lowering throws', () => {
  const error = refusal(() =>
    compileOne(() => {
      throw new RangeError('no such axis');
    }),
  );
  expect(error).toMatchObject({ code: 'compilation-failed', op: 'Peculiar' });
  expect(error.message).toContain('float32[2]');
});

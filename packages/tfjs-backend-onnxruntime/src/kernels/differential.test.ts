// Every kernel of tfjs-core that is traced, called with random shapes, numbers and options, here and on tfjs's plain CPU backend. Broken
// or hard to say numbers are among them: not-a-number, infinities, negative zeros, the least integer, axes without elements, six axes,
// images that stand in another memory layout. DIFFERENTIAL_ROUNDS calls each more often (20, say, after a change of a lowering), and
// DIFFERENTIAL_ONLY one kernel alone.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { configure, statistics } from '../index.ts';
import { backend } from '../register.ts';
import { Draws, tensorOf } from '../testing/draws.ts';
import { arrangementCalls } from '../testing/random-calls/arrangement.ts';
import { elementwiseCalls } from '../testing/random-calls/elementwise.ts';
import type { Call, RandomCall } from '../testing/random-calls/random-call.ts';
import { reductionCalls } from '../testing/random-calls/reduction.ts';
import { windowCalls } from '../testing/random-calls/windows.ts';
import { tracedKernels } from './table.ts';

const calls = [...elementwiseCalls, ...reductionCalls, ...windowCalls, ...arrangementCalls];
const { DIFFERENTIAL_ROUNDS, DIFFERENTIAL_ONLY } = process.env;
/** Calls of one kernel, which are one graph. */
const callsAtOnce = 5;
const rounds = Number(DIFFERENTIAL_ROUNDS ?? 1);

const { options } = backend();
beforeAll(() => configure({ threads: 1, cacheEntries: 1, diskCache: null, layout: 'blocked' }));
afterAll(() => {
  configure(options);
  return tf.setBackend('cpu');
});

/** Calls the kernel, or what it should be like, on the current backend; nothing is read yet. */
function run({ kernel, reference }: RandomCall, call: Call, isReference: boolean): tf.Tensor[] {
  return tf.tidy(() => {
    const given = Array.isArray(call.inputs)
      ? call.inputs.map(tensorOf)
      : Object.values(call.inputs).map(tensorOf);
    if (isReference && reference) return [reference(given, call)];
    const names = Object.keys(call.inputs);
    const inputs = Array.isArray(call.inputs)
      ? given
      : Object.fromEntries(names.map((name, i) => [name, given[i]!]));
    const results = tf
      .engine()
      .runKernel(kernel, inputs as tf.NamedTensorMap, (call.attributes ?? {}) as tf.NamedAttrMap);
    return Array.isArray(results) ? results : [results];
  });
}

function read(tensors: readonly tf.Tensor[]) {
  return tensors.map((tensor) => {
    const result = { shape: tensor.shape, dtype: tensor.dtype, values: Array.from(tensor.dataSync()) };
    tensor.dispose();
    return result;
  });
}

type Result = ReturnType<typeof read>[number];

/** Where two results differ, in words; null where they are close. */
function difference(
  found: Result,
  expected: Result,
  { relative = 1e-5, ofLargest = 1e-6 }: RandomCall,
): string | null {
  if (found.dtype !== expected.dtype || found.shape.join() !== expected.shape.join()) {
    return `${found.dtype}[${found.shape}], not ${expected.dtype}[${expected.shape}]`;
  }
  const sizes = expected.values.map(Math.abs).filter((size) => size < 1e20);
  const floor = expected.dtype === 'float32' ? ofLargest * sizes.reduce((a, b) => Math.max(a, b), 1e-3) : 0;
  for (const [i, value] of expected.values.entries()) {
    const other = found.values[i]!;
    const isSame = value === other || (Number.isNaN(value) && Number.isNaN(other));
    if (isSame || (Number.isFinite(value) && Math.abs(value - other) <= relative * Math.abs(value) + floor))
      continue;
    return `element ${i} of [${expected.shape}] is ${other}, not ${value}`;
  }
  return null;
}

function told({ inputs, attributes }: Call): string {
  const tensors = Object.entries(inputs).map(
    ([name, { dtype, shape, isConvolved, values }]) =>
      `${name}: ${dtype}[${shape}]${isConvolved ? ' of a convolution' : ''}${values.length <= 12 ? ` ${[...values]}` : ''}`,
  );
  return `${tensors.join('; ')}; ${JSON.stringify(attributes ?? {})}`;
}

it.each(calls.filter(({ kernel }) => !DIFFERENTIAL_ONLY || kernel === DIFFERENTIAL_ONLY))(
  '$kernel',
  async (random) => {
    const differences: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const draws = new Draws(round);
      const drawn = Array.from({ length: callsAtOnce }, () => random.draw(draws));
      await tf.setBackend('cpu');
      const expected = drawn.map((call) => read(run(random, call, true)));
      await tf.setBackend('onnxruntime');
      const { runs } = statistics();
      const pending = drawn.map((call) => run(random, call, false));
      expect(statistics().runs).toBe(runs);
      for (const [i, found] of pending.map(read).entries()) {
        expect(found.length).toBe(expected[i]!.length);
        for (const [j, result] of found.entries()) {
          const differs = difference(result, expected[i]![j]!, random);
          if (differs) differences.push(`round ${round}, result ${j} ${differs}\n    ${told(drawn[i]!)}`);
        }
      }
    }
    if (differences.length > 0) expect.fail(differences.slice(0, 3).join('\n  '));
  },
);

it('knows every kernel of tfjs-core', () => {
  const names = new Set<unknown>(Object.values(tf));
  const known = new Set(calls.map(({ kernel }) => kernel));
  expect(
    tracedKernels.map(({ kernel }) => kernel).filter((kernel) => names.has(kernel) && !known.has(kernel)),
  ).toEqual([]);
});

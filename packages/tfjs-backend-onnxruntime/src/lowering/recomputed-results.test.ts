import { expect, it } from 'vitest';
import { makeSchedule } from '../trace/schedule.ts';
import { type TraceOp, TraceValue, trace } from '../trace/trace-graph.ts';
import { resultsToRecompute } from './recomputed-results.ts';

const op = (name: string, properties: Partial<TraceOp> = {}): TraceOp => ({
  name,
  code: 1,
  lower: () => {},
  ...properties,
});
const normalise = op('BatchNormTraining', { isComputableAgain: true });
const gradient = op('Conv2DBackpropFilter', { isOfBackwardPass: true });
const other = op('Relu');

function traced(sizes: readonly number[]) {
  const type = (size: number) => ({ shape: [size], dtype: 'float32' as const });
  const leaf = (size: number) => new TraceValue([size], 'float32');
  const results = sizes.map((size) => trace(normalise, [leaf(size)], type(size)));
  const readElsewhere = trace(other, [trace(normalise, [leaf(1000)], type(1000))], type(1));
  const gradients = results.map((result) => trace(gradient, [result], type(1)));
  return { results, targets: [...gradients, readElsewhere] };
}

it.each([
  [Number.POSITIVE_INFINITY, []],
  [4 * 60, []],
  [4 * 59, [0]],
  [4 * 30, [0]],
  [4 * 29, [0, 2]],
  [0, [0, 1, 2]],
])('of results of 30, 10 and 20 elements, within %f bytes', (heldBytes, expected) => {
  const { results, targets } = traced([30, 10, 20]);
  const recomputed = resultsToRecompute(makeSchedule(targets), heldBytes);
  expect(recomputed).toEqual(new Set(expected.map((i) => results[i]!)));
});

it('leaves a result that is asked for as it is', () => {
  const { results, targets } = traced([30, 20]);
  const recomputed = resultsToRecompute(makeSchedule([...targets, results[0]!]), 0);
  expect(recomputed).toEqual(new Set([results[1]!]));
});

import { expect, test } from 'vitest';
import { checkSchedule, type LearningRateSchedule, learningRateAt, marginShareAt } from './schedule.ts';

const length = { stepsPerEpoch: 10, totalSteps: 100 };
const rates = (
  schedule: LearningRateSchedule,
  steps: number[],
  warmup?: { steps: number } | { epochs: number },
) => steps.map((step) => learningRateAt(step, { learningRate: 0.1, schedule, warmup, ...length }));

test('steps: lower from the named step on, by repeated multiplication', () => {
  const at = { steps: [5, 20] };
  expect(rates({ kind: 'steps', at }, [0, 4, 5, 19, 20, 99])).toEqual([
    0.1,
    0.1,
    0.1 * 0.1,
    0.1 * 0.1,
    0.1 * 0.1 * 0.1,
    0.1 * 0.1 * 0.1,
  ]);
  expect(rates({ kind: 'steps', at: { epochs: [0.5, 2] }, factor: 0.5 }, [4, 5, 19, 20])).toEqual([
    0.1, 0.05, 0.05, 0.025,
  ]);
});

test('cosine: from the base rate at the end of the warm-up to the final share at the end', () => {
  const [first, second, start, half, end] = rates({ kind: 'cosine' }, [0, 19, 20, 60, 100], { epochs: 2 });
  expect(first).toBeCloseTo(0.005, 12);
  expect(second).toBeCloseTo(0.1, 12);
  expect(start).toBeCloseTo(0.1, 12);
  expect(half).toBeCloseTo(0.05, 12);
  expect(end).toBeCloseTo(0, 12);
  expect(rates({ kind: 'cosine', final: 0.1 }, [100])[0]).toBeCloseTo(0.01, 12);
});

test('polynomial and constant', () => {
  expect(rates({ kind: 'polynomial' }, [0, 50, 100]).map((rate) => rate.toFixed(9))).toEqual([
    '0.100000000',
    '0.025000000',
    '0.000000000',
  ]);
  expect(rates({ kind: 'polynomial', power: 1, final: 0.5 }, [50])[0]).toBeCloseTo(0.075, 12);
  expect(rates({ kind: 'constant' }, [0, 99, 1000])).toEqual([0.1, 0.1, 0.1]);
});

test('the margin grows from nothing to all of it', () => {
  const share = (step: number) => marginShareAt(step, { warmup: { epochs: 2 }, ...length });
  expect([0, 5, 10, 20, 99].map(share)).toEqual([0, 0.25, 0.5, 1, 1]);
  expect(marginShareAt(0, length)).toBe(1);
});

test.each<LearningRateSchedule>([
  { kind: 'steps', at: { steps: [5, 5] } },
  { kind: 'steps', at: { epochs: [-1] } },
  { kind: 'steps', at: { epochs: [Number.NaN] } },
  { kind: 'steps', at: { steps: [1] }, factor: 0 },
  { kind: 'cosine', final: 2 },
  { kind: 'polynomial', power: -1 },
  { kind: 'steps' } as LearningRateSchedule,
])('refuses %j', (schedule) => {
  expect(() => checkSchedule(schedule)).toThrow(expect.objectContaining({ code: 'invalid-option' }));
});

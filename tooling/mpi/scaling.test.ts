import { describe, expect, test } from 'vitest';
import { readCalibration } from './calibration.ts';
import { exchangesOfStep } from './exchanges-of-a-step.ts';
import { memoryOfRank, projected, shapeOf, simulatedStep } from './scaling.ts';
import { exchangeSeconds, type Phase, simulate } from './simulation.ts';
import { backwardStages } from './stages-of-a-network.ts';

/* The simulation against what was measured and is kept in results/. */

const { ranks: runs } = readCalibration();

describe.each(runs)('$ranks ranks, the backward pass in $stages stages (undefined: one)', (run) => {
  const { ranks, stages = 1, exchanges, reductions = [], secondsPerStep } = run;

  test('exchange what was counted from the code', () => {
    if (ranks === 1) return;
    const counted = exchangesOfStep(shapeOf(run).shape);
    const isGradient = ({ after }: (typeof counted)[number]): boolean => typeof after === 'object';
    const shown = (list: typeof exchanges | typeof counted) =>
      list.map(({ operation, bytes }) => ({ operation, bytes }));
    // In stages the gradients are begun, and are in a list of their own.
    expect(shown(exchanges)).toEqual(
      shown(stages > 1 ? counted.filter((exchange) => !isGradient(exchange)) : counted),
    );
    if (stages > 1) expect(reductions).toEqual(counted.filter(isGradient).map(({ bytes }) => bytes));
  });

  test('take what the simulation says, within 15 %', () => {
    expect(Math.abs(simulatedStep(run) / secondsPerStep - 1)).toBeLessThan(0.15);
  });
});

test('a ring takes what the formula says, and nothing where nobody else is', () => {
  const network = { alpha: 1e-3, beta: 1e6 };
  expect(exchangeSeconds({ operation: 'allReduce', bytes: 4e6 }, 1, network)).toBe(0);
  // Three to agree, six of a ring with a quarter of the bytes each.
  expect(exchangeSeconds({ operation: 'allReduce', bytes: 4e6 }, 4, network)).toBeCloseTo(
    9e-3 + 6 + 24e-6,
    9,
  );
});

test('ranks share the cores of their host, and the slowest is waited for', () => {
  const phase = { work: 3, threads: 1, exchange: { operation: 'barrier', bytes: 0 } } as const;
  const run = (ranks: number, ranksPerHost: number, jitter = 0) =>
    simulate({
      ...{ ranks, ranksPerHost, jitter, steps: 1, phases: [phase] },
      machine: { cores: 2, speed: () => 1 },
      network: { alpha: 0, beta: 1e9 },
    })[0]!;
  expect(run(1, 1)).toBeCloseTo(3, 6);
  expect(run(2, 2)).toBeCloseTo(3, 6);
  expect(run(4, 4)).toBeCloseTo(6, 6);
  expect(run(4, 2)).toBeCloseTo(3, 6);
  expect(run(64, 1, 0.05)).toBeGreaterThan(run(2, 1, 0.05));
});

test('an exchange that overlaps goes on while the next phase is computed, one after another, and is waited for', () => {
  // Between two ranks an allReduce of so many bytes takes as many seconds.
  const network = { alpha: 0, beta: 1 };
  const phase = (work: number, seconds: number, overlaps = false): Phase => ({
    ...{ work, threads: 1, overlaps },
    exchange: { operation: 'allReduce', bytes: seconds },
  });
  const seconds = (...phases: Phase[]) =>
    simulate({
      ...{ ranks: 2, ranksPerHost: 1, jitter: 0, steps: 1, phases, network },
      machine: { cores: 1, speed: () => 1 },
    })[0]!;
  const agreed = 8;
  expect(seconds(phase(10, 50), phase(90, 20))).toBeCloseTo(10 + 50 + 90 + 20 + 2 * agreed, 6);
  // Hidden: done before the next has been computed.
  expect(seconds(phase(10, 50, true), phase(90, 20))).toBeCloseTo(10 + 90 + 20 + agreed, 6);
  // The link is busy with the first when the second has come.
  expect(seconds(phase(10, 50, true), phase(5, 20, true), phase(5, 1))).toBeCloseTo(
    10 + 50 + 20 + 1 + 3 * agreed,
    6,
  );
  // What comes after all have met overlaps with nothing before.
  expect(seconds(phase(1, 5, true), phase(1, 5), phase(100, 1))).toBeCloseTo(
    1 + 5 + 5 + 100 + 1 + 3 * agreed,
    6,
  );
});

test('ranks of one host that compute on beside an exchange share its cores as before', () => {
  const phases: Phase[] = [1, 2, 3].map((work) => ({
    ...{ work, threads: 1, overlaps: work < 3 },
    exchange: { operation: 'allReduce', bytes: 0 },
  }));
  const [seconds] = simulate({
    ...{ ranks: 4, ranksPerHost: 4, jitter: 0, steps: 1, phases },
    machine: { cores: 2, speed: () => 1 },
    network: { alpha: 0, beta: 1e9 },
  });
  expect(seconds).toBeCloseTo(12, 5);
});

test.each(['y1', 'r50'])('stages of %s share out all of its gradients and all of its work', (network) => {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const [whole] = backwardStages(network, 1);
  const stages = backwardStages(network, 4);
  expect(stages).toHaveLength(4);
  expect(sum(stages.flatMap(({ tensors }) => tensors))).toBe(sum(whole!.tensors));
  expect(whole!.share).toBeCloseTo(1, 12);
  expect(sum(stages.map(({ share }) => share))).toBeCloseTo(1, 12);
});

test('more hosts take less time, each less than the last saved, and less memory a rank', () => {
  const network = { alpha: 50e-6, beta: 1.18e9 };
  const seconds = [1, 2, 4, 8, 16, 32, 64].map((ranks) => projected(ranks, 1e5, network).seconds);
  for (let i = 1; i < seconds.length; i++) {
    expect(seconds[i]!).toBeLessThan(seconds[i - 1]!);
    expect(seconds[i]! * 2).toBeGreaterThan(seconds[i - 1]! * 0.95);
  }
  expect(memoryOfRank(8, 1e6).head).toBeLessThan(memoryOfRank(4, 1e6).head);
});

test('an exchange in stages is never slower, and the slower the network, the more it saves', () => {
  const saved = (beta: number): number => {
    const network = { alpha: 50e-6, beta };
    return projected(16, 1e5, network).seconds - projected(16, 1e5, network, { stages: 4 }).seconds;
  };
  const [fast, slow] = [saved(1.18e9), saved(0.118e9)];
  expect(fast).toBeGreaterThan(0);
  expect(slow).toBeGreaterThan(fast);
});

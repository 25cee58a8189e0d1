import { describe, expect, test } from 'vitest';
import { readCalibration } from './calibration.ts';
import { exchangesOfStep } from './exchanges-of-a-step.ts';
import { memoryOfRank, projected, simulatedStep } from './scaling.ts';
import { exchangeSeconds, simulate } from './simulation.ts';

/* The simulation against what was measured and is kept in results/. */

const { ranks: runs } = readCalibration();

describe.each(runs)('$ranks ranks', ({ ranks, batchSize, exchanges, secondsPerStep }) => {
  test('exchange what was counted from the code', () => {
    const gradients = exchanges.findIndex(
      ({ bytes }) => bytes === Math.max(...exchanges.map((each) => each.bytes)),
    );
    const counted = exchangesOfStep({
      ...{ ranks, batch: batchSize, dimensions: 128, subcenters: 3, dynamics: false },
      tensors: [exchanges[gradients]!.bytes / 4],
    });
    const shown = exchanges.map(({ operation, bytes }) => ({ operation, bytes }));
    if (ranks > 1) expect(shown).toEqual(counted);
  });

  test('take what the simulation says, within 15 %', () => {
    expect(Math.abs(simulatedStep(ranks) / secondsPerStep - 1)).toBeLessThan(0.15);
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

test('more hosts take less time, each less than the last saved, and less memory a rank', () => {
  const network = { alpha: 50e-6, beta: 1.18e9 };
  const seconds = [1, 2, 4, 8, 16, 32, 64].map((ranks) => projected(ranks, 1e5, network).seconds);
  for (let i = 1; i < seconds.length; i++) {
    expect(seconds[i]!).toBeLessThan(seconds[i - 1]!);
    expect(seconds[i]! * 2).toBeGreaterThan(seconds[i - 1]! * 0.95);
  }
  expect(memoryOfRank(8, 1e6).head).toBeLessThan(memoryOfRank(4, 1e6).head);
});

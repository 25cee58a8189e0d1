import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { statistics } from 'tfjs-backend-onnxruntime';
import { beforeAll, describe, expect, it } from 'vitest';
import { float64Loss, type LossAndGradients, type Matrix } from './float64-loss.fixture.ts';
import { HeadMonitor } from './head-monitor.ts';
import { deviation, isNearPole, marginCases, ROUND_OFF } from './loss-oracle.fixture.ts';
import { margins } from './margin.ts';
import { normalWeights } from './normal-weights.ts';
import { StreamingHead, type StreamingHeadOptions } from './streaming-head.ts';
import { SubcenterHead } from './subcenter-head.ts';

const random = (rows: number, columns: number, seed: number): Matrix => {
  const values = normalWeights(rows * columns, seed, 1);
  return Array.from({ length: rows }, (_, i) => [...values.subarray(i * columns, (i + 1) * columns)]);
};

function matrixOf(values: ArrayLike<number>, columns: number): Matrix {
  const flat = Array.from(values);
  return Array.from({ length: flat.length / columns }, (_, i) => flat.slice(i * columns, (i + 1) * columns));
}

/** Loss and gradients; without momentum and decay the momentum after a step is -1 times the gradient. */
function run(
  x: Matrix,
  w: Matrix,
  labels: number[],
  options: Omit<StreamingHeadOptions, 'classes' | 'embeddingSize'> & { sampleWeights?: number[] },
): LossAndGradients {
  const { subcenters = 3, sampleWeights } = options;
  const dimensions = x[0]!.length;
  const head = new StreamingHead({
    ...options,
    classes: w.length / subcenters,
    embeddingSize: dimensions,
    learnScale: true,
    optimizer: { momentum: 0, weightDecay: 0 },
  });
  head.importWeights(Float32Array.from(w.flat()));
  const result = tf.tidy(() => {
    const input = tf.variable(tf.tensor2d(x));
    const { value, grads } = tf.variableGrads(
      () => head.loss(input, labels, { learningRate: 1, sampleWeights }),
      [input, ...head.variables],
    );
    const sum = (t: tf.Tensor): tf.Tensor => tf.mul(t, x.length);
    input.dispose();
    const momenta = head.chunks.map((chunk) => matrixOf(sum(chunk.momentum).dataSync(), dimensions));
    return {
      loss: value.dataSync()[0]!,
      dx: (sum(grads[input.name]!) as tf.Tensor2D).arraySync(),
      dw: momenta.flat().map((row) => row.map((v) => -v)),
      ds: sum(grads[head.scale!.name]!).dataSync()[0]!,
    };
  });
  head.dispose();
  return result;
}

describe.each(testBackends('cpu', 'onnxruntime'))('StreamingHead on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  describe.skipIf(marginCases.length === 0)('against the reference (needs ../shared/oracle/loss)', () => {
    it.each(marginCases.map((c) => [c.name, c] as const))('%s, in chunks of 3 classes', (_, c) => {
      const options = { subcenters: c.K, margin: { m1: c.m1, m2: c.m2, m3: c.m3, s: c.s } };
      const expected = isNearPole(c)
        ? { dx: c.float64.dx, dw: c.float64.dW }
        : float64Loss(c.embedding, c.weight, c.label, options);
      const ours = run(c.embedding, c.weight, c.label, { ...options, chunkClasses: 3 });
      const { loss_mean: loss } = c.float64;
      expect(Math.abs(ours.loss - loss) / Math.max(1, loss)).toBeLessThan(ROUND_OFF);
      expect(deviation(ours.dx, expected.dx)).toBeLessThan(ROUND_OFF);
      expect(deviation(ours.dw, expected.dw)).toBeLessThan(ROUND_OFF);
    });
  });

  const x = random(6, 5, 1);
  const w = random(33, 5, 2);
  const labels = [0, 10, 3, 3, 7, 9];
  const margin = { ...margins.arcface, s: 16 };

  it.each([
    ['as many chunks as classes', { chunkClasses: 1 }],
    ['uneven chunks', { chunkClasses: 4 }],
    ['one chunk', { chunkClasses: 11 }],
    ['margins by class', { chunkClasses: 4, classMargins: Array.from({ length: 11 }, (_, c) => c / 10) }],
    ['linear past pi', { chunkClasses: 4, pastPi: 'linear' as const }],
    ['sample weights', { chunkClasses: 4, sampleWeights: [1, 0, 2, 0.5, 1, 3] }],
    ['the inter-class filter', { chunkClasses: 4, interClassFilter: 0.2 }],
    ['a filter that takes out every negative', { chunkClasses: 4, interClassFilter: -1 }],
    ['a sample of all classes', { chunkClasses: 4, sampling: { rate: 1 } }],
  ])('has the loss and gradients of float64 with %s', (_, options) => {
    const expected = float64Loss(x, w, labels, { subcenters: 3, margin, ...options });
    const ours = run(x, w, labels, { margin, ...options });
    expect(Math.abs(ours.loss - expected.loss)).toBeLessThan(ROUND_OFF);
    expect(deviation(ours.dx, expected.dx)).toBeLessThan(ROUND_OFF);
    expect(deviation(ours.dw, expected.dw)).toBeLessThan(ROUND_OFF);
    expect(Math.abs(ours.ds - expected.ds) / Math.max(1, Math.abs(expected.ds))).toBeLessThan(ROUND_OFF);
  });

  it('hands the gradients out instead of moving by them, where it is asked to', () => {
    const head = new StreamingHead({ classes: 11, embeddingSize: 5, chunkClasses: 4, margin });
    head.importWeights(Float32Array.from(w.flat()));
    const rows: number[] = [];
    tf.tidy(() => {
      const input = tf.variable(tf.tensor2d(x));
      const onGradient = (chunk: { first: number; classes: number }, gradient: tf.Tensor2D): void => {
        expect(gradient.shape).toEqual([chunk.classes * 3, 5]);
        rows.push(...tf.mul(gradient, x.length).dataSync());
      };
      const settings = { learningRate: 1, onGradient };
      const { value, grads } = tf.variableGrads(() => head.loss(input, labels, settings), [input]);
      tf.dispose([value, grads, input]);
      expect(head.chunks.flatMap((chunk) => [...chunk.weights.dataSync()])).toEqual([
        ...Float32Array.from(w.flat()),
      ]);
    });
    const expected = float64Loss(x, w, labels, { subcenters: 3, margin });
    expect(deviation(matrixOf(rows, 5), expected.dw)).toBeLessThan(ROUND_OFF);
    head.dispose();
    const sampled = new StreamingHead({ classes: 11, embeddingSize: 5, sampling: { rate: 0.5 } });
    const input = tf.tensor2d(x);
    expect(() => sampled.loss(input, labels, { learningRate: 1, onGradient: () => {} })).toThrow(
      /onGradient/,
    );
    input.dispose();
    sampled.dispose();
  });

  it('moves every row as SGD with momentum and decay does', () => {
    const head = new StreamingHead({ classes: 11, embeddingSize: 5, chunkClasses: 4, margin });
    head.importWeights(Float32Array.from(w.flat()));
    let [weights, momentum] = [w, w.map((row) => row.map(() => 0))];
    const input = tf.variable(tf.tensor2d(x));
    for (let step = 0; step < 3; step++) {
      const { dw } = float64Loss(x, weights, labels, { subcenters: 3, margin });
      momentum = momentum.map((row, i) =>
        row.map((m, j) => 0.9 * m - 0.1 * (dw[i]![j]! / x.length + 5e-4 * weights[i]![j]!)),
      );
      weights = weights.map((row, i) => row.map((v, j) => v + momentum[i]![j]!));
      tf.dispose(tf.variableGrads(() => head.loss(input, labels, { learningRate: 0.1 }), [input]));
    }
    const ours = head.chunks.flatMap((chunk) => matrixOf(chunk.weights.dataSync(), 5));
    expect(deviation(ours, weights)).toBeLessThan(ROUND_OFF);
    input.dispose();
    head.dispose();
  });

  it('leaves the sub-centres alone when no gradient is taken', async () => {
    const head = new StreamingHead({ classes: 5, embeddingSize: 5, margin });
    const before = await head.exportWeights();
    head.loss(tf.tensor2d(x), [0, 1, 2, 3, 4, 0], { learningRate: 0.1 }).dispose();
    expect(await head.exportWeights()).toEqual(before);
    head.dispose();
  });

  it('is the full loss of the sample, and leaves all other rows alone, where it samples', async () => {
    const head = new StreamingHead({
      classes: 11,
      embeddingSize: 5,
      chunkClasses: 6,
      margin,
      sampling: { rate: 0.5, seed: 3 },
    });
    head.importWeights(Float32Array.from(w.flat()));
    const input = tf.variable(tf.tensor2d(x));
    const { value } = tf.variableGrads(() => head.loss(input, labels, { learningRate: 0.1 }), [input]);
    const after = matrixOf(await head.exportWeights(), 5);
    const moved = w.map((row, i) => row.some((v, j) => Math.fround(v) !== after[i]![j]!));
    const sample = Array.from({ length: 11 }, (_, c) => c).filter((c) =>
      moved.slice(3 * c, 3 * c + 3).every(Boolean),
    );
    expect(moved.filter(Boolean).length).toBe(3 * sample.length);
    expect(sample).toEqual(expect.arrayContaining([...new Set(labels)]));
    // The chunks have 5 and 6 classes: half of them is 3 and 3, or their positives.
    expect(sample.filter((c) => c < 5).length).toBe(3);
    expect(sample.filter((c) => c >= 5).length).toBe(3);
    const expected = float64Loss(
      x,
      sample.flatMap((c) => w.slice(3 * c, 3 * c + 3)),
      labels.map((label) => sample.indexOf(label)),
      { subcenters: 3, margin },
    );
    expect(Math.abs(value.dataSync()[0]! - expected.loss)).toBeLessThan(ROUND_OFF);
    tf.dispose([value, input]);
    head.dispose();
  });

  it('draws the same samples for the same seed and step, however a run was cut', () => {
    const losses = (from: number): number[] => {
      const head = new StreamingHead({
        classes: 11,
        embeddingSize: 5,
        margin,
        sampling: { rate: 0.6, seed: 1 },
      });
      head.importWeights(Float32Array.from(w.flat()));
      head.steps = from;
      const values = Array.from({ length: 4 - from }, () =>
        tf.tidy(() => head.loss(tf.tensor2d(x), labels, { learningRate: 0 }).dataSync()[0]!),
      );
      head.dispose();
      return values;
    };
    expect(losses(2)).toEqual(losses(0).slice(2));
    expect(new Set(losses(0)).size).toBeGreaterThan(1);
  });

  it('starts the same however the classes are divided', async () => {
    const heads = [1, 3, 100].map(
      (chunkClasses) => new StreamingHead({ classes: 7, embeddingSize: 4, seed: 5, chunkClasses }),
    );
    const [first, ...others] = await Promise.all(heads.map((head) => head.exportWeights()));
    for (const other of others) expect(other).toEqual(first);
    for (const head of heads) head.dispose();
  });

  it('is finite for every finite input', () => {
    const entry = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, 1, -1, 3.4028234663852886e38, -3.4028234663852886e38, 1e-38, 1e-45, 1e19),
    );
    const matrix = (rows: number) =>
      fc.array(fc.array(entry, { minLength: 3, maxLength: 3 }), { minLength: rows, maxLength: rows });
    fc.assert(
      fc.property(matrix(3), matrix(6), fc.constantFrom(...Object.values(margins)), (a, b, m) => {
        a[0] = [...b[0]!];
        b[5] = [...b[4]!];
        const { loss, dx, dw, ds } = run(a, b, [0, 1, 2], { subcenters: 2, margin: m, chunkClasses: 2 });
        expect([loss, ds, ...dx.flat(), ...dw.flat()].every(Number.isFinite)).toBe(true);
      }),
      { numRuns: backend === 'cpu' ? 100 : 15 },
    );
  });

  it('tells a monitor what SubcenterHead tells it', async () => {
    const streaming = new StreamingHead({ classes: 11, embeddingSize: 5, margin, chunkClasses: 4 });
    const whole = new SubcenterHead({ classes: 11, embeddingSize: 5, margin });
    whole.importWeights(await streaming.exportWeights());
    const input = tf.tensor2d(x);
    const before = tf.memory().numTensors;
    const [a, b] = [0, 1].map(() => new HeadMonitor({ classes: 11, subcenters: 3 })) as [
      HeadMonitor,
      HeadMonitor,
    ];
    streaming.loss(input, labels, { learningRate: 0.1, monitor: a }).dispose();
    whole.loss(input, labels, { monitor: b }).dispose();
    const [seenA, seenB] = [await a.read(), await b.read()];
    expect(seenA!.nearest).toEqual(seenB!.nearest);
    expect(deviation([[...seenA!.angles]], [[...seenB!.angles]])).toBeLessThan(1e-5);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(input);
    streaming.dispose();
    whole.dispose();
  });

  it('leaks no tensor', () => {
    const before = tf.memory().numTensors;
    run(x, w, labels, { chunkClasses: 4, sampling: { rate: 0.5 } });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses what it cannot take', () => {
    const make = (options: object) => () => new StreamingHead({ classes: 2, embeddingSize: 3, ...options });
    expect(make({ chunkClasses: 0 })).toThrow(/chunkClasses must be a positive integer/);
    expect(make({ sampling: { rate: 0 } })).toThrow(/sampling.rate must be above 0/);
    expect(make({ optimizer: { momentum: 1 } })).toThrow(/optimizer.momentum/);
    expect(make({ optimizer: { weightDecay: -1 } })).toThrow(/optimizer.weightDecay/);
    const head = make({})();
    expect(() => head.loss(tf.zeros([1, 3]), [2], { learningRate: 1 })).toThrow(/label 2 at position 0/);
    expect(() => head.loss(tf.zeros([1, 4]), [1], { learningRate: 1 })).toThrow(/4 dimensions/);
    expect(() => head.loss(tf.zeros([1, 3]), [1], { learningRate: Number.NaN })).toThrow(/learningRate/);
    expect(() => head.importWeights(new Float32Array(5))).toThrow(/2 classes x 3 sub-centres x 3 = 18/);
    head.dispose();
  });
});

it('compiles nothing new after the second step', async () => {
  await tf.setBackend('onnxruntime');
  const head = new StreamingHead({ classes: 9, embeddingSize: 5, chunkClasses: 3 });
  const input = tf.variable(tf.tensor2d(random(4, 5, 1)));
  const step = (labels: number[]): void => {
    const { value, grads } = tf.variableGrads(() => head.loss(input, labels, { learningRate: 0.1 }), [input]);
    value.dataSync();
    tf.dispose([value, grads]);
  };
  step([0, 1, 2, 3]);
  step([8, 8, 1, 2]);
  const { compilations } = statistics();
  step([4, 5, 6, 7]);
  step([0, 0, 0, 8]);
  expect(statistics().compilations).toBe(compilations);
  input.dispose();
  head.dispose();
});

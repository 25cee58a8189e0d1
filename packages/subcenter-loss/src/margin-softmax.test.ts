import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { statistics } from 'tfjs-backend-onnxruntime';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Float64LossOptions,
  float64Loss,
  type LossAndGradients,
  type Matrix,
} from './float64-loss.fixture.ts';
import { deviation, isNearPole, marginCases, ROUND_OFF } from './loss-oracle.fixture.ts';
import { margins } from './margin.ts';
import { marginSoftmaxLoss } from './margin-softmax.ts';
import { normalWeights } from './normal-weights.ts';
import { SubcenterLossError } from './subcenter-loss-error.ts';

const backends = testBackends('cpu', 'onnxruntime');

/** The loss and its gradients through the public function, in the oracle's terms: gradients of the sum over the batch. */
function run(
  x: Matrix,
  w: Matrix,
  labels: number[],
  options: Omit<Float64LossOptions, 'ties'>,
): LossAndGradients {
  return tf.tidy(() => {
    const f = (a: tf.Tensor, b: tf.Tensor, scale: tf.Tensor): tf.Scalar =>
      marginSoftmaxLoss(a as tf.Tensor2D, b as tf.Tensor2D, labels, {
        ...options,
        scale: scale as tf.Scalar,
      });
    const inputs = [tf.tensor2d(x), tf.tensor2d(w), tf.scalar(options.margin.s)];
    const { value, grads } = tf.valueAndGrads(f)(inputs, tf.scalar(1));
    const sums = grads.map((gradient) => tf.mul(gradient, x.length));
    return {
      loss: value.dataSync()[0]!,
      dx: (sums[0] as tf.Tensor2D).arraySync(),
      dw: (sums[1] as tf.Tensor2D).arraySync(),
      ds: sums[2]!.dataSync()[0]!,
    };
  });
}

describe.each(backends)('marginSoftmaxLoss on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  describe.skipIf(marginCases.length === 0)('against the reference (needs ../shared/oracle/loss)', () => {
    it('has all the cases', () => expect(marginCases.length).toBe(29));

    it.each(marginCases.map((c) => [c.name, c] as const))('%s', (_, c) => {
      const options = { subcenters: c.K, margin: { m1: c.m1, m2: c.m2, m3: c.m3, s: c.s } };
      const independent = float64Loss(c.embedding, c.weight, c.label, { ...options, ties: 'all' });
      // The independent formulas agree with the oracle first, so that they may stand in for it on ties.
      expect(independent.loss).toBeCloseTo(c.float64.loss_mean, 9);
      if (!isNearPole(c) && c.name !== 'edge_zero_embedding') {
        expect(deviation(independent.dx, c.float64.dx)).toBeLessThan(1e-9);
        expect(deviation(independent.dw, c.float64.dW)).toBeLessThan(1e-9);
      }
      const expected = isNearPole(c)
        ? { dx: c.float64.dx, dw: c.float64.dW }
        : float64Loss(c.embedding, c.weight, c.label, options);
      const ours = run(c.embedding, c.weight, c.label, options);
      const { loss_mean: loss } = c.float64;
      expect(Math.abs(ours.loss - loss) / Math.max(1, loss)).toBeLessThan(ROUND_OFF);
      expect(deviation(ours.dx, expected.dx)).toBeLessThan(ROUND_OFF);
      expect(deviation(ours.dw, expected.dw)).toBeLessThan(ROUND_OFF);
    });

    it.each(marginCases.filter((c) => /padded/.test(c.name)).map((c) => [c.name, c] as const))(
      '%s, with the padding classes of the last shard',
      (_, c) => {
        const sharded = c.reference_float32!.shards_3!;
        const weights = [...c.weight, ...sharded.padding_weight_rows!];
        const ours = run(c.embedding, weights, c.label, { subcenters: c.K, margin: c });
        expect(deviation(ours.dx, sharded.dx!)).toBeLessThan(ROUND_OFF);
        expect(deviation(ours.dw, sharded.dW!)).toBeLessThan(ROUND_OFF);
      },
    );
  });

  describe('its options', () => {
    const random = (rows: number, columns: number, seed: number): Matrix => {
      const values = normalWeights(rows * columns, seed, 1);
      return Array.from({ length: rows }, (_, i) => [...values.subarray(i * columns, (i + 1) * columns)]);
    };
    const w = random(15, 6, 2);
    // The first three lie opposite to all centres of their classes, past pi for every margin.
    const opposite = [0, 1, 2].map((c) =>
      w[c * 3]!.map((_, d) => -(w[c * 3]![d]! + w[c * 3 + 1]![d]! + w[c * 3 + 2]![d]!)),
    );
    const x = [...opposite, ...random(5, 6, 1)];
    const labels = [0, 1, 2, 3, 4, 0, 1, 2];
    const base = { subcenters: 3, margin: { ...margins.arcface, s: 16 } };
    const cases: [string, Omit<Float64LossOptions, 'ties'>][] = [
      ...(['fold', 'easy', 'linear'] as const).flatMap((pastPi) =>
        Object.entries({ ...margins, strong: { m1: 1.2, m2: 1.1, m3: 0.1, s: 16 } }).map(
          ([name, margin]): [string, Omit<Float64LossOptions, 'ties'>] => [
            `${pastPi} past pi, ${name}`,
            { subcenters: 3, margin: { ...margin, s: 16 }, pastPi },
          ],
        ),
      ),
      ['margins by class', { ...base, classMargins: [0.1, 0.7, 0, 0.4, 1.2] }],
      [
        'margins by class, linear past pi',
        { ...base, classMargins: [0.9, 2.9, 0, 3.1, 1.2], pastPi: 'linear' },
      ],
      [
        'margins by class with m1',
        {
          subcenters: 3,
          margin: { m1: 1.1, m2: 0, m3: 0.1, s: 16 },
          classMargins: [0.1, 0.7, 0.2, 0.4, 1.2],
        },
      ],
      ['sample weights', { ...base, sampleWeights: [1, 0, 2, 0.5, 3, 1, 1, 0.25] }],
      ['the inter-class filter', { ...base, interClassFilter: 0.2 }],
      ['a filter that takes out every negative', { ...base, interClassFilter: -1 }],
    ];

    it.each(cases)('%s', (_, options) => {
      const expected = float64Loss(x, w, labels, options);
      const ours = run(x, w, labels, options);
      expect(Math.abs(ours.loss - expected.loss) / Math.max(1, expected.loss)).toBeLessThan(ROUND_OFF);
      expect(deviation(ours.dx, expected.dx)).toBeLessThan(ROUND_OFF);
      expect(deviation(ours.dw, expected.dw)).toBeLessThan(ROUND_OFF);
      expect(Math.abs(ours.ds - expected.ds) / Math.max(1, Math.abs(expected.ds))).toBeLessThan(ROUND_OFF);
    });

    it('is the code of the authors past pi, where m1 is 1', () => {
      // Written as in their first release: a threshold, and a drop of sin(pi - m) * m, or the plain cosine if it is easy.
      const [m, s] = [0.5, 16];
      for (const cosine of [-0.999, -0.9, -0.5, 0.3]) {
        const phi = cosine * Math.cos(m) - Math.sqrt(1 - cosine * cosine) * Math.sin(m);
        const expected = {
          fold: phi,
          easy: cosine > 0 ? phi : cosine,
          linear: cosine > Math.cos(Math.PI - m) ? phi : cosine - Math.sin(Math.PI - m) * m,
        };
        for (const pastPi of ['fold', 'easy', 'linear'] as const) {
          const image = [[cosine, Math.sqrt(1 - cosine * cosine), 0]];
          const { loss } = run(
            image,
            [
              [1, 0, 0],
              [0, 0, 1],
            ],
            [0],
            { subcenters: 1, margin: { m1: 1, m2: m, m3: 0, s }, pastPi },
          );
          // Two classes, the other at a right angle: the loss is log(1 + exp(-logit)).
          expect(loss).toBeCloseTo(Math.log1p(Math.exp(-s * expected[pastPi])), 4);
        }
      }
    });
  });

  it('agrees with finite differences of the float64 loss', () => {
    const entry = fc.integer({ min: -200, max: 200 }).map((v) => v / 100);
    fc.assert(
      fc.property(
        fc.array(fc.array(entry, { minLength: 4, maxLength: 4 }), { minLength: 3, maxLength: 3 }),
        fc.array(fc.array(entry, { minLength: 4, maxLength: 4 }), { minLength: 6, maxLength: 6 }),
        fc.constantFrom(...Object.values(margins)),
        (x, w, margin) => {
          const m = { ...margin, s: 8 };
          const labels = [0, 2, 1];
          const cosines = x.map((a) =>
            w.map((b) => a.reduce((sum, v, d) => sum + v * b[d]!, 0) / (Math.hypot(...a) * Math.hypot(...b))),
          );
          // Differences need a neighbourhood without kinks: no near-tie, no pole, no near-zero row.
          fc.pre([...x, ...w].every((row) => Math.hypot(...row) > 0.3));
          fc.pre(cosines.every((c) => [0, 2, 4].every((k) => Math.abs(c[k]! - c[k + 1]!) > 1e-2)));
          fc.pre(cosines.every((c) => c.every((v) => Math.abs(v) < 0.99)));
          const ours = run(x, w, labels, { subcenters: 2, margin: m });
          const h = 1e-5;
          const bumped = (matrix: Matrix, i: number, j: number, by: number): Matrix =>
            matrix.map((row, r) => row.map((v, c) => (r === i && c === j ? v + by : v)));
          const loss = (a: Matrix, b: Matrix): number =>
            float64Loss(a, b, labels, { subcenters: 2, margin: m }).loss * a.length;
          const dx = x.map((row, i) =>
            row.map((_, j) => (loss(bumped(x, i, j, h), w) - loss(bumped(x, i, j, -h), w)) / (2 * h)),
          );
          const dw = w.map((row, i) =>
            row.map((_, j) => (loss(x, bumped(w, i, j, h)) - loss(x, bumped(w, i, j, -h))) / (2 * h)),
          );
          expect(deviation(ours.dx, dx)).toBeLessThan(2e-5);
          expect(deviation(ours.dw, dw)).toBeLessThan(2e-5);
        },
      ),
      { numRuns: backend === 'cpu' ? 60 : 10 },
    );
  });

  it('is finite, in value and gradient, for every finite input', () => {
    const entry = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, -0, 1, -1, 3.4028234663852886e38, -3.4028234663852886e38, 1e-38, 1e-45, 1e19, 1e-20),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(entry, { minLength: 3, maxLength: 3 }), { minLength: 3, maxLength: 3 }),
        fc.array(fc.array(entry, { minLength: 3, maxLength: 3 }), { minLength: 6, maxLength: 6 }),
        fc.constantFrom(...Object.values(margins), { m1: 0.9, m2: 0.4, m3: 0.15, s: 64 }),
        fc.record({
          pastPi: fc.constantFrom('fold', 'easy', 'linear'),
          interClassFilter: fc.constantFrom(undefined, -1, 0.3, 1),
          classMargins: fc.constantFrom(undefined, [0, Math.PI, -Math.PI]),
          sampleWeights: fc.constantFrom(undefined, [0, 1, 1e6]),
        }),
        fc.boolean(),
        fc.boolean(),
        (x, w, margin, options, onCentre, opposite) => {
          if (onCentre) x[0] = [...w[0]!];
          if (opposite) x[1] = w[2]!.map((v) => -v);
          w[5] = [...w[4]!];
          const { loss, dx, dw, ds } = run(x, w, [0, 1, 2], {
            subcenters: 2,
            margin,
            ...options,
          } as Float64LossOptions);
          expect([loss, ds, ...dx.flat(), ...dw.flat()].every(Number.isFinite)).toBe(true);
        },
      ),
      { numRuns: backend === 'cpu' ? 300 : 40 },
    );
  });

  it('gives the gradient of tied sub-centres to the first', () => {
    const { dw } = run(
      [[1, 2, 3]],
      [
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 1, 0],
      ],
      [0],
      { subcenters: 2, margin: margins.arcface },
    );
    expect(dw.map((row) => row.some((v) => v !== 0))).toEqual([true, false, true, false]);
  });

  it('leaks no tensor', () => {
    run(
      [[1, 2]],
      [
        [1, 0],
        [0, 1],
      ],
      [0],
      { subcenters: 1, margin: margins.arcface },
    );
    const before = tf.memory().numTensors;
    run(
      [[1, 2]],
      [
        [1, 0],
        [0, 1],
      ],
      [0],
      { subcenters: 1, margin: margins.arcface },
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});

it('warms a margin up without compiling anew', async () => {
  await tf.setBackend('onnxruntime');
  const at = (m2: number): LossAndGradients =>
    run(
      [[1, 2, 3]],
      [
        [1, 0, 0],
        [0, 1, 0],
      ],
      [0],
      { subcenters: 1, margin: { m1: 1, m2, m3: m2 / 2, s: 10 + m2 } },
    );
  const first = at(0);
  const { compilations } = statistics();
  const losses = [0.1, 0.2, 0.3].map((m2) => at(m2).loss);
  expect(statistics().compilations).toBe(compilations);
  expect([first.loss, ...losses]).toEqual([first.loss, ...losses].toSorted((a, b) => a - b));
});

describe('bad input', () => {
  const x = tf.zeros<tf.Rank.R2>([2, 3]);
  const label = [0, 1];
  const code = (f: () => unknown): string | undefined => {
    try {
      f();
    } catch (error) {
      if (error instanceof SubcenterLossError) return error.code;
      throw error;
    }
    return undefined;
  };

  it('is refused by name', () => {
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 5]), label))).toBe('shape-mismatch');
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), label, { subcenters: 3 }))).toBe(
      'shape-mismatch',
    );
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), [0]))).toBe('shape-mismatch');
    expect(code(() => marginSoftmaxLoss(tf.zeros([2, 3], 'int32'), tf.zeros([4, 3]), label))).toBe(
      'dtype-mismatch',
    );
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), [0, 4]))).toBe('label-out-of-range');
    const withOption = (options: object) =>
      code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), label, options));
    expect(withOption({ pastPi: 'hard' })).toBe('invalid-option');
    expect(withOption({ interClassFilter: 2 })).toBe('invalid-option');
    expect(withOption({ classMargins: [0, 0] })).toBe('shape-mismatch');
    expect(withOption({ classMargins: [0, 0, Number.NaN, 0] })).toBe('invalid-option');
    expect(withOption({ sampleWeights: [1] })).toBe('shape-mismatch');
    expect(withOption({ sampleWeights: [1, -1] })).toBe('invalid-option');
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), label, { subcenters: 0 }))).toBe(
      'invalid-option',
    );
    expect(code(() => marginSoftmaxLoss(x, tf.zeros([4, 3]), label, { margin: { s: Number.NaN } }))).toBe(
      'invalid-option',
    );
    expect(code(() => marginSoftmaxLoss(tf.zeros([0, 3]), tf.zeros([4, 3]), []))).toBe('shape-mismatch');
  });
});

import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { differences, expectClose, numbers, onEachBackend } from '../testing/gradient-check.ts';
import type { AngularMargin, PerRow } from './angular-margin.ts';
import { marginSoftmax } from './margin-softmax.ts';
import { maxOfGroupsGradient } from './max-of-groups.ts';

/* The definitions in float64; @arcface/subcenter-loss holds the same operations to the reference's own numbers. */

const [rows, classes] = [4, 5];
const cosines = numbers(rows * classes, 5, 0.9);
const labels = [0, 3, 4, 2];
const weights = [1, 0.5, 2, 0];

const none: AngularMargin = { m1: 1, m2: 0, m3: 0 };
const cases: readonly [string, AngularMargin, number?][] = [
  ['no margin', none],
  ['an added angle', { ...none, m2: 0.5 }],
  ['a multiplied angle', { m1: 1.35, m2: 0.2, m3: 0.1 }],
  ['a margin for each row', { m1: 1, m2: [0.1, 0.4, 0, 0.7], m3: 0.35 }],
  ['a line below a cosine', { m1: 1, m2: 0.5, m3: 0, line: { upTo: 0.1, drop: 0.2 } }],
  ['a line for each row', { ...none, m2: 0.3, line: { upTo: [-2, 0.9, 0.9, 0], drop: [0, 0.1, 0.2, 0.3] } }],
  ['near classes left out', { ...none, m2: 0.5 }, 0.2],
  ['all other classes left out', { ...none, m2: 0.5 }, -1],
];

const ofRow = (value: PerRow, row: number) => (typeof value === 'number' ? value : value[row]!);

function reference(
  x: readonly number[],
  scale: number,
  { m1, m2, m3, line }: AngularMargin,
  excludeAbove = Number.POSITIVE_INFINITY,
): number[] {
  return labels.map((label, row) => {
    const own = x.slice(row * classes, (row + 1) * classes);
    const c = own[label]!;
    const isOnLine = line !== undefined && c <= ofRow(line.upTo, row);
    const f = isOnLine ? c - ofRow(line.drop, row) : Math.cos(m1 * Math.acos(c) + ofRow(m2, row)) - m3;
    const logits = own.map((cosine, i) => scale * (i === label ? f : cosine));
    const kept = logits.filter((_, i) => i === label || own[i]! <= excludeAbove);
    const top = Math.max(...kept);
    return top + Math.log(kept.reduce((sum, logit) => sum + Math.exp(logit - top), 0)) - scale * f;
  });
}

onEachBackend(() => {
  it.each(cases)('%s', (_, margin, excludeAbove) => {
    const before = tf.memory().numTensors;
    const scale = 7;
    const found = tf.tidy(() => {
      const inputs = [tf.tensor(cosines, [rows, classes]), tf.scalar(scale)];
      const loss = (x: tf.Tensor, s: tf.Scalar | number) =>
        marginSoftmax({ cosines: x as tf.Tensor2D, labels, scale: s, weights }, { margin, excludeAbove });
      const upstream = tf.scalar(3);
      const { value, grads } = tf.valueAndGrads((x, s) => loss(x!, s as tf.Scalar))(inputs, upstream);
      const fixed = tf.grad((x) => loss(x, scale))(inputs[0]!, upstream);
      return [value, ...grads, fixed].map((tensor) => ({ shape: tensor.shape, values: tensor.dataSync() }));
    });
    expect(found.map(({ shape }) => shape)).toEqual([[], [rows, classes], [], [rows, classes]]);
    const value = (x: readonly number[], s: number) =>
      reference(x, s, margin, excludeAbove).reduce((sum, loss, i) => sum + loss * weights[i]!, 0);
    const total = (x: readonly number[], s: number) => 3 * value(x, s);
    expectClose(found[0]!.values, [value(cosines, scale)], 2e-6, 'value');
    const inCosines = differences((x) => total(x, scale), cosines, 1e-6);
    expectClose(found[1]!.values, inCosines, 1e-5, 'gradient in the cosines');
    const [inScale] = differences(([s]) => total(cosines, s!), [scale], 1e-6);
    expectClose(found[2]!.values, [inScale!], 1e-5, 'gradient in the scale');
    expectClose(found[3]!.values, inCosines, 1e-5, 'gradient with a fixed scale');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is exact where the loss is next to nothing, and finite at the poles', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([1, -0.2, -1, 0.1], [2, 2]);
      const run = (c: tf.Tensor, row: number) =>
        marginSoftmax(
          { cosines: c as tf.Tensor2D, labels: [0, 0], scale: 16, weights: [1 - row, row] },
          { margin: none },
        );
      const [small, large] = [0, 1].map((row) => run(x, row).dataSync()[0]!);
      expect(Math.abs(small! - Math.log1p(Math.exp(-19.2)))).toBeLessThan(1e-7);
      expect(Math.abs(large! - Math.log1p(Math.exp(17.6)))).toBeLessThan(1e-5);
      const slopes = tf.grad((c) => tf.add(run(c, 0), run(c, 1)))(x);
      for (const slope of slopes.dataSync()) expect(Math.abs(slope)).toBeLessThan(17);
    });
  });

  it('takes the mean where no weights are given', () => {
    tf.tidy(() => {
      const x = tf.tensor2d(cosines, [rows, classes]);
      const loss = marginSoftmax({ cosines: x, labels, scale: 7 }, { margin: none });
      const expected = reference(cosines, 7, none).reduce((sum, value) => sum + value / rows, 0);
      expect(Math.abs(loss.dataSync()[0]! - expected)).toBeLessThan(1e-5);
    });
  });

  it('gives the gradient of a maximum to the first of the largest', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([1, 3, 2, 5, 5, 4, -1, -1, -1, 0, -2, 7], [2, 6]);
      const upstream = tf.tensor2d([1, 2, 3, 4], [2, 2]);
      const found = maxOfGroupsGradient(upstream, x, 3);
      expect(found.shape).toEqual([2, 6]);
      expect([...found.dataSync()]).toEqual([0, 1, 0, 2, 0, 0, 3, 0, 0, 0, 0, 4]);
      const ones = maxOfGroupsGradient(tf.ones([2, 6]), x, 1);
      expect([...ones.dataSync()]).toEqual(new Array(12).fill(1));
    });
  });
});

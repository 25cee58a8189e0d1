import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { beforeAll, describe, expect, it } from 'vitest';
import { margins } from './margin.ts';
import { normalWeights } from './normal-weights.ts';
import { SubcenterHead } from './subcenter-head.ts';

describe.each(testBackends('cpu', 'onnxruntime'))('on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });
  describe('SubcenterHead', () => {
    it('starts as Normal(0, .01), the same for the same seed', () => {
      const a = normalWeights(30_001, 7);
      expect(normalWeights(30_001, 7)).toEqual(a);
      expect(normalWeights(30_001, 8)).not.toEqual(a);
      const mean = a.reduce((sum, v) => sum + v, 0) / a.length;
      const variance = a.reduce((sum, v) => sum + v * v, 0) / a.length;
      const kurtosis = a.reduce((sum, v) => sum + v ** 4, 0) / a.length / variance ** 2;
      // Five standard errors of each.
      expect(Math.abs(mean)).toBeLessThan((5 * 0.01) / Math.sqrt(a.length));
      expect(Math.abs(Math.sqrt(variance) / 0.01 - 1)).toBeLessThan(5 / Math.sqrt(2 * a.length));
      expect(Math.abs(kurtosis - 3)).toBeLessThan(5 * Math.sqrt(24 / a.length));
    });

    it('defaults to three sub-centres and the ArcFace margin', () => {
      const head = new SubcenterHead({ classes: 4, embeddingSize: 5 });
      expect(head.weights.shape).toEqual([12, 5]);
      expect(head.margin).toEqual(margins.arcface);
      head.dispose();
    });

    it('learns: a few steps of gradient descent bring the loss down', () => {
      const head = new SubcenterHead({
        classes: 3,
        embeddingSize: 4,
        subcenters: 2,
        margin: { s: 8 },
        seed: 1,
      });
      const x = tf.tensor2d(normalWeights(6 * 4, 3, 1), [6, 4]);
      const labels = [0, 1, 2, 0, 1, 2];
      const step = (): number =>
        tf.tidy(() => {
          const { value, grads } = tf.variableGrads(() => head.loss(x, labels), [head.weights]);
          head.weights.assign(tf.sub(head.weights, tf.mul(grads[head.weights.name]!, 0.001)));
          return value.dataSync()[0]!;
        });
      const first = step();
      const before = tf.memory().numTensors;
      let last = first;
      for (let i = 0; i < 50; i++) last = step();
      expect(tf.memory().numTensors).toBe(before);
      expect(last).toBeLessThan(first * 0.7);
      head.dispose();
    });

    it('uses a margin that was changed between steps', () => {
      const head = new SubcenterHead({ classes: 3, embeddingSize: 4, margin: { s: 30 } });
      const x = tf.tensor2d(normalWeights(2 * 4, 3, 1), [2, 4]);
      const labels = [0, 1];
      const loss = (): number => tf.tidy(() => head.loss(x, labels).dataSync()[0]!);
      head.margin = { m2: 0 };
      const without = loss();
      head.margin = { m2: 0.5 };
      expect(loss()).toBeGreaterThan(without);
      expect(head.margin).toEqual({ ...margins.arcface, s: 30 });
      expect(() => {
        head.margin = { m2: Number.POSITIVE_INFINITY };
      }).toThrow(/margin.m2 must be a number from/);
      head.dispose();
    });

    it('gives its weights out and takes them back', async () => {
      const a = new SubcenterHead({ classes: 2, embeddingSize: 3, seed: 1 });
      const b = new SubcenterHead({ classes: 2, embeddingSize: 3, seed: 2 });
      const before = tf.memory().numTensors;
      b.importWeights(await a.exportWeights());
      expect(await b.exportWeights()).toEqual(await a.exportWeights());
      expect(tf.memory().numTensors).toBe(before);
      expect(() => b.importWeights(new Float32Array(17))).toThrow(/6 x 3 = 18 weights.*found 17/);
      a.dispose();
      b.dispose();
    });

    it('leaves nothing behind when disposed', () => {
      const before = tf.memory().numTensors;
      new SubcenterHead({ classes: 2, embeddingSize: 3 }).dispose();
      expect(tf.memory().numTensors).toBe(before);
    });

    it('learns its scale where it is asked to', () => {
      const head = new SubcenterHead({ classes: 3, embeddingSize: 4, learnScale: true, margin: { s: 8 } });
      const x = tf.tensor2d(normalWeights(2 * 4, 3, 1), [2, 4]);
      expect(head.variables).toEqual([head.weights, head.scale]);
      const { grads } = tf.variableGrads(() => head.loss(x, [0, 1]), head.variables);
      const at = (s: number): number =>
        tf.tidy(() => {
          head.scale!.assign(tf.scalar(s));
          return head.loss(x, [0, 1]).dataSync()[0]!;
        });
      const difference = (at(8.1) - at(7.9)) / 0.2;
      expect(grads[head.scale!.name]!.dataSync()[0]).toBeCloseTo(difference, 3);
      head.dispose();
    });
  });
});

import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { beforeAll, describe, expect, it } from 'vitest';
import { headDiagnostics } from './head-diagnostics.ts';
import { checkLabels } from './head-shapes.ts';
import { margins } from './margin.ts';
import { normalWeights } from './normal-weights.ts';
import { ownSubcenterCosines } from './subcenter-cosines.ts';
import { SubcenterHead } from './subcenter-head.ts';
import { SubcenterVotes } from './subcenter-votes.ts';

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
      const labels = tf.tensor1d([0, 1, 2, 0, 1, 2], 'int32');
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
      const labels = tf.tensor1d([0, 1], 'int32');
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
  });

  describe('diagnostics', () => {
    const head = (): SubcenterHead => {
      const h = new SubcenterHead({ classes: 2, embeddingSize: 2, subcenters: 2 });
      h.importWeights(Float32Array.of(1, 0, 0, 1, -1, 0, 0, -1));
      return h;
    };

    it('gives angles in degrees and the nearest sub-centre of the own class', async () => {
      const h = head();
      const x = tf.tensor2d([
        [3, 0],
        [1, 3],
        [0, -5],
        [1, 1],
      ]);
      const labels = tf.tensor1d([0, 0, 1, 1], 'int32');
      const before = tf.memory().numTensors;
      const d = await headDiagnostics(h, x, labels);
      expect(tf.memory().numTensors).toBe(before);
      expect(d.nearest).toEqual(Int32Array.of(0, 1, 1, 0));
      const expected = [0, (Math.atan(1 / 3) * 180) / Math.PI, 0, 135];
      for (const [i, angle] of expected.entries()) expect(d.angles[i]).toBeCloseTo(angle, 1);
      expect(d.meanAngle).toBeCloseTo(expected.reduce((a, b) => a + b) / 4, 1);
      expect(d.angleQuantiles.p90).toBeCloseTo(135, 3);
      const all = await h.cosines(x).array();
      const own = await ownSubcenterCosines(x, h.weights, labels, 2).array();
      for (const [i, label] of [0, 0, 1, 1].entries()) {
        expect(Math.max(...own[i]!)).toBeCloseTo(all[i]![label]!, 6);
      }
      h.dispose();
    });

    it('counts votes over batches', () => {
      const votes = new SubcenterVotes(2, 2);
      expect(votes.dominantShare()).toBeNaN();
      votes.add([0, 0, 0], [1, 1, 0]);
      votes.add([1], [0]);
      expect(votes.counts).toEqual(Uint32Array.of(1, 2, 1, 0));
      expect(votes.dominantShare()).toBe(0.75);
      expect(() => votes.add([2], [0])).toThrow(/label 2 at position 0 is not in 0..1/);
      votes.clear();
      expect(votes.dominantShare()).toBeNaN();
    });

    it('checks labels on the host', () => {
      expect(() => checkLabels([0, 3], 3)).toThrow(/label 3 at position 1/);
      expect(() => checkLabels([0, -1], 3)).toThrow(/label -1/);
      expect(() => checkLabels([0, 0.5], 3)).toThrow(/label 0.5/);
    });
  });
});

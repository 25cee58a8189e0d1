import { testBackends } from '@arcface-tooling/test-backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { beforeAll, describe, expect, it } from 'vitest';
import { HeadMonitor } from './head-monitor.ts';
import { ownSubcenterCosines } from './subcenter-cosines.ts';
import { SubcenterHead } from './subcenter-head.ts';

const cosine = (degrees: number): number => Math.cos((degrees * Math.PI) / 180);

describe.each(testBackends('cpu', 'onnxruntime'))('HeadMonitor on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  it('has angles in degrees and the nearest sub-centre of the own class', async () => {
    const head = new SubcenterHead({ classes: 2, embeddingSize: 2, subcenters: 2 });
    head.importWeights(Float32Array.of(1, 0, 0, 1, -1, 0, 0, -1));
    const x = tf.tensor2d([
      [3, 0],
      [1, 3],
      [0, -5],
      [1, 1],
    ]);
    const labels = [0, 0, 1, 1];
    const monitor = new HeadMonitor({ classes: 2, subcenters: 2 });
    const before = tf.memory().numTensors;
    head.loss(x, labels, { monitor }).dispose();
    const seen = (await monitor.read())!;
    expect(tf.memory().numTensors).toBe(before);
    expect(seen.nearest).toEqual(Int32Array.of(0, 1, 1, 0));
    const expected = [0, (Math.atan(1 / 3) * 180) / Math.PI, 0, 135];
    for (const [i, angle] of expected.entries()) expect(seen.angles[i]).toBeCloseTo(angle, 1);
    expect(monitor.report().targetAngle.p90).toBeCloseTo(135, 3);
    const all = await head.cosines(x).array();
    const own = await ownSubcenterCosines(x, head.weights, labels, 2).array();
    for (const [i, label] of labels.entries()) {
      expect(Math.max(...own[i]!)).toBeCloseTo(all[i]![label]!, 6);
    }
    expect(await monitor.read()).toBeUndefined();
    head.dispose();
  });

  it('refuses to count for a head that it was not made for', () => {
    const head = new SubcenterHead({ classes: 3, embeddingSize: 2, subcenters: 2 });
    const before = tf.memory().numTensors;
    const observe = (options: { classes: number; subcenters: number }) =>
      tf.tidy(() => {
        head.loss(tf.tensor2d([[1, 0]]), [2], { monitor: new HeadMonitor(options) });
      });
    expect(() => observe({ classes: 3, subcenters: 1 })).toThrow(
      'the monitor is for 1 sub-centres a class, the head has 2',
    );
    expect(() => observe({ classes: 2, subcenters: 2 })).toThrow(/label 2 at position 0 is not in 0..1/);
    expect(tf.memory().numTensors).toBe(before);
    head.dispose();
  });

  it('frees what was never read', () => {
    const before = tf.memory().numTensors;
    const monitor = new HeadMonitor({ classes: 1, subcenters: 1 });
    tf.tidy(() => monitor.observe([0], tf.tensor2d([[1]])));
    expect(tf.memory().numTensors).toBe(before + 1);
    monitor.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('HeadMonitor', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });

  async function monitorOf(
    rows: readonly { label: number; degrees: readonly number[] }[],
  ): Promise<HeadMonitor> {
    const monitor = new HeadMonitor({ classes: 4, subcenters: 2 });
    const cosines = tf.tensor2d(rows.map(({ degrees }) => degrees.map(cosine)));
    monitor.observe(
      rows.map(({ label }) => label),
      cosines,
    );
    cosines.dispose();
    await monitor.read();
    return monitor;
  }

  it('counts shares by the rank of a sub-centre in its class', async () => {
    const monitor = await monitorOf([
      { label: 0, degrees: [50, 20] },
      { label: 0, degrees: [50, 30] },
      { label: 0, degrees: [10, 40] },
      { label: 1, degrees: [60, 70] },
    ]);
    expect(monitor.votes).toEqual(Uint32Array.of(1, 2, 1, 0, 0, 0, 0, 0));
    const report = monitor.report();
    expect(report.images).toBe(4);
    expect(report.subcenterShares).toEqual([0.75, 0.25]);
    expect(report.dominantShare).toBe(0.75);
    expect(report.targetAngle.p10).toBeCloseTo(10, 4);
    expect(report.targetAngle.p50).toBeCloseTo(30, 4);
    expect(report.targetAngle.p90).toBeCloseTo(60, 4);
    monitor.clear();
    expect(monitor.report()).toMatchObject({ images: 0, dominantShare: Number.NaN, warnings: [] });
  });

  it('counts nothing of a run that has diverged', async () => {
    const monitor = new HeadMonitor({ classes: 2, subcenters: 2 });
    tf.tidy(() =>
      monitor.observe(
        [1, 1],
        tf.tensor2d([
          [Number.NaN, Number.NaN],
          [0.5, 0],
        ]),
      ),
    );
    const { nearest, angles } = (await monitor.read())!;
    expect([...nearest]).toEqual([-1, 0]);
    expect(angles[0]).toBeNaN();
    expect(monitor.votes).toEqual(Uint32Array.of(0, 0, 1, 0));
    expect(monitor.report()).toMatchObject({ images: 1, targetAngle: { p50: expect.closeTo(60, 3) } });
  });

  it('warns of classes that collapsed or split, of the worst first, and only where there are images enough', async () => {
    const images = (label: number, degrees: readonly (readonly number[])[]) =>
      degrees.map((row) => ({ label, degrees: row }));
    const monitor = await monitorOf([
      ...images(0, [
        [20, 50],
        [20, 50],
        [50, 20],
        [50, 20],
      ]),
      ...images(1, [
        [85, 90],
        [85, 90],
        [85, 90],
        [85, 90],
      ]),
      ...images(2, [
        [20, 50],
        [20, 50],
        [20, 50],
        [50, 20],
      ]),
      ...images(3, [
        [95, 99],
        [95, 99],
        [95, 99],
      ]),
    ]);
    const { warnings } = monitor.report();
    expect(warnings.map(({ kind, class: label }) => [kind, label])).toEqual([
      ['collapsed', 1],
      ['split', 0],
    ]);
    expect(warnings[0]!.meanAngle).toBeCloseTo(85, 4);
    expect(warnings[1]).toMatchObject({ images: 4, dominantShare: 0.5 });
  });
});

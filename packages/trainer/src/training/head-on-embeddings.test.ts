import { registerGradients } from '@arcface-tooling/test-backends/gradients';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { Random } from '../random.ts';
import { trainHeadOnEmbeddings } from './head-on-embeddings.ts';

beforeAll(async () => {
  registerGradients();
  await tf.setBackend('cpu');
});

/** Three people along three axes. */
function people(): { embeddings: Float32Array; dimensions: number; labels: Int32Array; classes: number } {
  const random = Random.of(1, 'people');
  const labels = Int32Array.from({ length: 24 }, (_, i) => i % 3);
  const rows = [...labels].flatMap((label) =>
    [0, 1, 2].map((d) => (d === label ? 1 : 0) + random.uniform(-0.1, 0.1)),
  );
  return { embeddings: Float32Array.from(rows), dimensions: 3, labels, classes: 3 };
}

test('sub-centres go to where the images of their identity are, the same for the same seed', async () => {
  const before = tf.memory().numTensors;
  const losses: number[] = [];
  const options = { ...people(), subcenters: 2, batchSize: 8, epochs: 12 };
  const train = () => trainHeadOnEmbeddings({ ...options, onProgress: (_, loss) => losses.push(loss) });
  const weights = await train();
  expect(tf.memory().numTensors).toBe(before);
  expect(weights).toHaveLength(3 * 2 * 3);
  expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!);
  // Along each axis its own person's best sub-centre lies nearest.
  const cosine = (label: number, axis: number): number =>
    Math.max(
      ...[0, 1].map((k) => {
        const centre = weights.subarray((2 * label + k) * 3, (2 * label + k + 1) * 3);
        return centre[axis]! / Math.hypot(...centre);
      }),
    );
  for (const axis of [0, 1, 2]) {
    const cosines = [0, 1, 2].map((label) => cosine(label, axis));
    expect(cosines.indexOf(Math.max(...cosines))).toBe(axis);
  }
  expect(await train()).toEqual(weights);
});

test('what cannot be trained on is refused', async () => {
  const options = { ...people(), subcenters: 1, epochs: 1 };
  await expect(trainHeadOnEmbeddings({ ...options, dimensions: 4 })).rejects.toMatchObject({
    code: 'invalid-dataset',
  });
  const embeddings = options.embeddings.slice().fill(Number.NaN, 30, 31);
  await expect(trainHeadOnEmbeddings({ ...options, embeddings })).rejects.toMatchObject({
    code: 'non-finite-loss',
  });
  for (const wrong of [{ batchSize: 0 }, { epochs: 0.5 }, { learningRate: Number.NaN }]) {
    await expect(trainHeadOnEmbeddings({ ...options, ...wrong })).rejects.toMatchObject({
      code: 'invalid-option',
    });
  }
  const labels = options.labels.slice().fill(3, 5, 6);
  await expect(trainHeadOnEmbeddings({ ...options, labels })).rejects.toThrow('label 3');
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(trainHeadOnEmbeddings({ ...options, signal })).rejects.toThrow('enough');
});

/**
 * How long the head takes for so many classes and images: `head-cost.ts '{"classes": 10000, "batches": [64, 256], "threads": 2}'`. Prints JSON: the
 * median seconds of loss, gradient and update, for each batch.
 */
import { StreamingHead } from '@arcface/subcenter-loss';
import { Sgd } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { configure } from 'tfjs-backend-onnxruntime';

const DIMENSIONS = 512;
const STEPS = 5;

const { classes, batches, threads } = JSON.parse(process.argv[2]!) as {
  classes: number;
  batches: number[];
  threads: number;
};
configure({ threads });
await tf.setBackend('onnxruntime');
const head = new StreamingHead({ classes, embeddingSize: DIMENSIONS, subcenters: 3 });
const sgd = new Sgd(
  head.chunks.map(({ first, weights }) => ({ name: `${first}`, kind: 'weight', variable: weights })),
);
for (const batch of batches) {
  const labels = Int32Array.from({ length: batch }, (_, i) => (i * 7919) % classes);
  const embeddings = tf.variable(tf.randomNormal<tf.Rank.R2>([batch, DIMENSIONS], 0, 1, 'float32', 1));
  const seconds: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const begun = performance.now();
    const gradients: tf.NamedTensorMap = {};
    const { value, grads } = tf.variableGrads(
      () =>
        head.loss(embeddings, labels, {
          learningRate: 0.001,
          onGradient: (chunk, gradient) => {
            gradients[chunk.weights.name] = tf.keep(tf.clone(gradient));
          },
        }),
      [embeddings],
    );
    sgd.step(gradients, { learningRate: 0.001 });
    value.dataSync();
    for (const gradient of [...Object.values(grads), ...sgd.variables]) gradient.dataSync();
    tf.dispose([value, ...Object.values(grads), ...Object.values(gradients)]);
    seconds.push((performance.now() - begun) / 1000);
  }
  seconds.splice(0, 2);
  seconds.sort((a, b) => a - b);
  process.stdout.write(
    `${JSON.stringify({ classes, batch, threads, seconds: seconds[Math.floor(seconds.length / 2)] })}\n`,
  );
}

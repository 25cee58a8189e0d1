// Times a step of a head (loss, gradients and, with --update, SGD with momentum and decay) on the ONNX Runtime backend, and prints
// one JSON line, for `pytorch_peer.py` to be compared with:
//   npx tsx packages/subcenter-loss/bench/head-step.ts --head dense --classes 10000 --batch 128 --size 512 --threads 2
//   npx tsx packages/subcenter-loss/bench/head-step.ts --head streaming --classes 1000000 --batch 64 --size 128 --steps 2
// A streaming head always updates: it has no gradients to give out.

import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { configure } from 'tfjs-backend-onnxruntime';
import { StreamingHead, SubcenterHead } from '../src/index.ts';

const { values } = parseArgs({
  options: {
    head: { type: 'string', default: 'dense' },
    batch: { type: 'string', default: '128' },
    classes: { type: 'string', default: '10000' },
    subcenters: { type: 'string', default: '3' },
    size: { type: 'string', default: '512' },
    chunk: { type: 'string', default: '8192' },
    rate: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '9' },
    update: { type: 'boolean', default: false },
  },
});
const [batch, classes, subcenters, size] = [values.batch, values.classes, values.subcenters, values.size].map(
  Number,
) as [number, number, number, number];

await tf.setBackend('onnxruntime');
configure({ threads: Number(values.threads) });
const x = tf.variable(tf.randomNormal([batch, size], 0, 1, 'float32', 1)) as tf.Variable<tf.Rank.R2>;
const labels = Int32Array.from({ length: batch }, (_, i) => (i * 37) % classes);

function denseStep(): () => tf.Scalar {
  const head = new SubcenterHead({ classes, embeddingSize: size, subcenters });
  const momentum = tf.variable(tf.tensor2d(new Float32Array(head.weights.size), head.weights.shape), false);
  return () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => head.loss(x, labels), [x, head.weights]);
      const gradient = grads[head.weights.name]!;
      if (values.update) {
        const decayed = tf.add(gradient, tf.mul(head.weights, 5e-4));
        momentum.assign(tf.sub(tf.mul(momentum, 0.9), tf.mul(decayed, 0.1)));
        head.weights.assign(tf.add(head.weights, momentum));
      } else {
        tf.keep(gradient);
        kept.push(gradient);
      }
      tf.keep(grads[x.name]!);
      kept.push(grads[x.name]!);
      return value;
    });
}

function streamingStep(): () => tf.Scalar {
  const head = new StreamingHead({
    classes,
    embeddingSize: size,
    subcenters,
    chunkClasses: Number(values.chunk),
    ...(values.rate === '1' ? {} : { sampling: { rate: Number(values.rate) } }),
  });
  return () =>
    tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => head.loss(x, labels, { learningRate: 0.1 }), [x]);
      tf.keep(grads[x.name]!);
      kept.push(grads[x.name]!);
      return value;
    });
}

/** Gradients, which have to be computed although nobody reads them. */
const kept: tf.Tensor[] = [];
const step = values.head === 'dense' ? denseStep() : streamingStep();
const times: number[] = [];
let loss = Number.NaN;
for (let i = 0; i < Number(values.steps) + 2; i++) {
  const began = performance.now();
  const value = step();
  [loss = Number.NaN] = value.dataSync();
  times.push(performance.now() - began);
  tf.dispose([value, ...kept.splice(0)]);
}
const sorted = times.slice(2).sort((a, b) => a - b);
const owned = values.head === 'streaming' || values.update ? 2 : 1;
const ownedMegabytes = (owned * 4 * classes * subcenters * size) / 1e6;
const peak = (process.resourceUsage().maxRSS * 1024) / 1e6;
console.log(
  JSON.stringify({
    peer: 'subcenter-loss',
    head: values.head,
    batch,
    classes,
    subcenters,
    size,
    threads: Number(values.threads),
    update: values.head === 'streaming' || values.update,
    ...(values.head === 'streaming' ? { chunk: Number(values.chunk), rate: Number(values.rate) } : {}),
    medianMs: Number(sorted[sorted.length >> 1]!.toFixed(2)),
    bestMs: Number(sorted[0]!.toFixed(2)),
    loss: Number(loss.toFixed(4)),
    weightsAndMomentumMegabytes: Math.round(ownedMegabytes),
    peakRssMegabytes: Math.round(peak),
  }),
);

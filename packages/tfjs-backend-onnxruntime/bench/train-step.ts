// Times training steps or forward passes of one network on this backend and prints one JSON line:
//   npx tsx packages/tfjs-backend-onnxruntime/bench/train-step.ts --network mobilefacenet --batch 32 --threads 2
// A training step is forward, ArcFace loss on 1,000 classes, backward and SGD with momentum; the numbers are of the
// best step, as `pytorch_peer.py` reports them too: by the clock, and by processor time, which other work on the
// machine disturbs less.

import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { configure, statistics } from '../src/index.ts';
import { momentumOptimiser } from './momentum.ts';
import { irResNet50, mobileFaceNet } from './networks.ts';

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'mobilefacenet' },
    batch: { type: 'string', default: '32' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string', default: '6' },
    forward: { type: 'boolean', default: false },
    layout: { type: 'string', default: 'blocked' },
    arena: { type: 'string', default: '1' },
    optimization: { type: 'string', default: 'basic' },
    profile: { type: 'string' },
    dump: { type: 'string' },
  },
});

const classes = 1000;

function arcFaceLoss(embedding: tf.Tensor2D, centres: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  const unit = (x: tf.Tensor2D) => tf.div(x, tf.sqrt(tf.sum(tf.square(x), 1, true))) as tf.Tensor2D;
  const cosines = tf.matMul(unit(embedding), unit(centres), false, true);
  const target = tf.cast(tf.oneHot(labels, classes), 'float32');
  const moved = tf.cos(tf.add(tf.acos(tf.clipByValue(cosines, -1 + 1e-6, 1 - 1e-6)), 0.5));
  const logits = tf.mul(tf.add(tf.mul(target, moved), tf.mul(tf.sub(1, target), cosines)), 64);
  return tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(logits as tf.Tensor2D)), 1)));
}

async function main(): Promise<void> {
  await tf.setBackend('onnxruntime');
  const batch = Number(values.batch);
  configure({
    threads: Number(values.threads),
    layout: values.layout === 'nchw' ? 'nchw' : 'blocked',
    arena: values.arena !== '0',
    optimization: values.optimization as 'basic',
    profilePrefix: values.profile ?? null,
    dumpDirectory: values.dump ?? null,
  });
  const isSmall = values.network === 'mobilefacenet';
  const network = isSmall ? mobileFaceNet() : irResNet50();
  const centres = tf.variable(
    tf.randomNormal([classes, isSmall ? 128 : 512], 0, 0.05),
  ) as unknown as tf.Tensor2D;
  const images = tf.randomNormal([batch, 112, 112, 3]) as tf.Tensor4D;
  const labels = tf.tensor1d(
    Array.from({ length: batch }, (_, i) => (i * 37) % classes),
    'int32',
  );
  const optimiser = momentumOptimiser({ rate: 0.01, momentum: 0.9 });
  const trainingStep = () => {
    const loss = optimiser.minimize(() => arcFaceLoss(network(images, true), centres, labels));
    const value = loss.dataSync()[0]!;
    loss.dispose();
    return value;
  };
  const forwardPass = () => {
    const embedding = tf.tidy(() => network(images, false));
    const value = embedding.dataSync()[0]!;
    embedding.dispose();
    return value;
  };
  const step = values.forward ? forwardPass : trainingStep;

  const start = performance.now();
  step();
  const firstStepMs = performance.now() - start;
  const firstRunMs = statistics().runMs;
  step();
  const steps = Number(values.steps);
  const before = statistics();
  const tracing: number[] = [];
  const running: number[] = [];
  let best = Number.POSITIVE_INFINITY;
  let bestCpu = Number.POSITIVE_INFINITY;
  for (let i = 0; i < steps; i++) {
    const runMs = statistics().runMs;
    const began = performance.now();
    const cpuBegan = process.cpuUsage();
    step();
    const { user, system } = process.cpuUsage(cpuBegan);
    bestCpu = Math.min(bestCpu, (user + system) / 1e6);
    const elapsed = performance.now() - began;
    best = Math.min(best, elapsed);
    running.push(statistics().runMs - runMs);
    tracing.push(elapsed - running.at(-1)!);
  }
  const after = statistics();
  const perStep = (total: number) => Number((total / steps).toFixed(2));
  // Of the second half of the steps: it takes the JavaScript engine many to compile all that traces.
  const settled = (times: readonly number[]) => {
    const sorted = times.slice(steps >> 1).sort((a, b) => a - b);
    return Number(sorted[sorted.length >> 1]!.toFixed(2));
  };
  console.log(
    JSON.stringify({
      peer: 'tfjs-backend-onnxruntime',
      network: values.network,
      mode: values.forward ? 'forward' : 'training',
      batch,
      threads: Number(values.threads),
      imagesPerSecond: Number(((batch * 1000) / best).toFixed(2)),
      imagesPerCpuSecond: Number((batch / bestCpu).toFixed(2)),
      firstStepSeconds: Number((firstStepMs / 1000).toFixed(2)),
      peakRssMegabytes: Math.round(process.resourceUsage().maxRSS / 1000),
      milliseconds: {
        run: settled(running),
        schedule: perStep(after.scheduleMs - before.scheduleMs),
        traceAndSchedule: settled(tracing),
        firstTraceAndCompile: Math.round(firstStepMs - firstRunMs),
      },
      compilations: after.compilations,
      nodes: after.lastRunNodes,
    }),
  );
  if (values.profile) configure({});
}

await main();

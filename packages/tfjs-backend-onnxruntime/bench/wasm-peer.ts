// The forward pass of the same networks on tfjs-backend-wasm (SIMD; one thread, as it always runs in Node), as one
// JSON line. That backend has no gradients of convolutions, so there is nothing to compare in training.
//   npx tsx packages/tfjs-backend-onnxruntime/bench/wasm-peer.ts --network mobilefacenet --batch 32

import '@tensorflow/tfjs-backend-wasm';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { irResNet50, mobileFaceNet } from './networks.ts';

const { values: options } = parseArgs({
  options: {
    network: { type: 'string', default: 'mobilefacenet' },
    batch: { type: 'string', default: '32' },
    steps: { type: 'string', default: '3' },
  },
});

await tf.setBackend('wasm');
const batch = Number(options.batch);
const network = options.network === 'mobilefacenet' ? mobileFaceNet() : irResNet50();
const images = tf.randomNormal([batch, 112, 112, 3]) as tf.Tensor4D;

function forwardPass(): void {
  const embedding = tf.tidy(() => network(images, false));
  embedding.dataSync();
  embedding.dispose();
}

const start = performance.now();
forwardPass();
const firstStepSeconds = (performance.now() - start) / 1000;
let best = Number.POSITIVE_INFINITY;
let bestCpu = Number.POSITIVE_INFINITY;
for (let i = 0; i < Number(options.steps); i++) {
  const cpuBegan = process.cpuUsage();
  const began = performance.now();
  forwardPass();
  best = Math.min(best, (performance.now() - began) / 1000);
  const { user, system } = process.cpuUsage(cpuBegan);
  bestCpu = Math.min(bestCpu, (user + system) / 1e6);
}
console.log(
  JSON.stringify({
    peer: `tfjs-backend-wasm ${tf.version_core}`,
    network: options.network,
    mode: 'forward',
    batch,
    threads: 1,
    imagesPerSecond: Number((batch / best).toFixed(2)),
    imagesPerCpuSecond: Number((batch / bestCpu).toFixed(2)),
    firstStepSeconds: Number(firstStepSeconds.toFixed(2)),
    peakRssMegabytes: Math.round(process.resourceUsage().maxRSS / 1000),
  }),
);

/**
 * Times one network on the ONNX Runtime backend, and prints a line of JSON: images per second of the best step.
 *
 *     npx tsx packages/backbones/bench/network-speed.ts --network r50 --batch 8 [--mode forward|folded|training] [--segments 1]
 *
 * `folded` is the network for inference (`inferenceBackbone`). A training step is forward, backward and a step down the
 * gradient. `peakMegabytes` is the most memory that the process has had.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { configure, flush } from 'tfjs-backend-onnxruntime';
import { type Backbone, backboneFromGraph, inferenceBackbone, networkGraph } from '../src/index.ts';

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'y1' },
    batch: { type: 'string', default: '8' },
    mode: { type: 'string', default: 'forward' },
    segments: { type: 'string', default: '1' },
    steps: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
  },
});

await tf.setBackend('onnxruntime');
configure({ threads: Number(values.threads) });
const batch = Number(values.batch);
const trained = backboneFromGraph(networkGraph(values.network), { segments: Number(values.segments) });
const backbone = values.mode === 'folded' ? inferenceBackbone(trained) : trained;
const [height, width] = backbone.inputShape;
const images = tf.keep(tf.randomUniform<tf.Rank.R4>([batch, height, width, 3], 0, 255, 'float32', 1));
const step = values.mode === 'training' ? trainingStep : forward;
step(backbone); // Compiles.
step(backbone);
const seconds: number[] = [];
for (let i = 0; i < Number(values.steps); i++) {
  const start = performance.now();
  step(backbone);
  seconds.push((performance.now() - start) / 1000);
}
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
process.stdout.write(
  `${JSON.stringify({ network: values.network, mode: values.mode, segments: Number(values.segments), batch, imagesPerSecond: Number((batch / Math.min(...seconds)).toPrecision(3)), peakMegabytes: Math.round(Number(peak) / 1024) })}\n`,
);

function forward(network: Backbone): void {
  tf.tidy(() => network.apply(images).dataSync());
}

function trainingStep(network: Backbone): void {
  const variables = [...network.parameters.values()].map(({ variable }) => variable);
  const moved = variables.filter(({ trainable }) => trainable);
  tf.tidy(() => {
    const loss = (): tf.Scalar => tf.mean(tf.square(network.apply(images, { training: true, seed: 1 })));
    const { grads } = tf.variableGrads(loss, moved);
    for (const variable of moved) {
      variable.assign(tf.sub(variable, tf.mul(grads[variable.name]!, 1e-6)));
    }
  });
  flush();
}

/**
 * Times one network on the ONNX Runtime backend, and prints a line of JSON: images per second of the best step.
 *
 *     npx tsx packages/backbones/bench/network-speed.ts --network r50 --batch 8 [--mode MODE] [--steps 3] [--seconds 0]
 *
 * Modes: `forward`; `folded`, the network for inference (`inferenceBackbone`); `onnx` and `onnx-folded`, either of them exported
 * and run by ONNX Runtime directly, with all its optimisations; `training`, which is forward, backward and a step down
 * the gradient, with `--segments` (1). It takes at least so many steps and so many seconds of them, behind those that
 * compile. `peakMegabytes` is the most memory that the process has had.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { serializeOnnxModel } from 'onnx-format';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { configure, flush } from 'tfjs-backend-onnxruntime';
import { backboneFromSource } from '../src/backbone.ts';
import { type Backbone, exportOnnx, inferenceBackbone, networkGraph } from '../src/index.ts';
import { elementCount } from '../src/named-array.ts';
import { initialValues } from '../src/parameters/initial-values.ts';
import { SmallFastCounting } from '../src/small-fast-counting.ts';

const { values } = parseArgs({
  options: {
    network: { type: 'string', default: 'y1' },
    batch: { type: 'string', default: '8' },
    mode: { type: 'string', default: 'forward' },
    segments: { type: 'string', default: '1' },
    steps: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '0' },
    threads: { type: 'string', default: '2' },
  },
});

await tf.setBackend('onnxruntime');
configure({ threads: Number(values.threads) });
const batch = Number(values.batch);
const trained = networkToTime();
const backbone = values.mode.endsWith('folded') ? inferenceBackbone(trained) : trained;
const [height, width] = backbone.inputShape;
const images = tf.keep(tf.randomUniform<tf.Rank.R4>([batch, height, width, 3], 0, 255, 'float32', 1));
const step = await chooseStep(values.mode);
// Compiles, and in the eighth run with the same parameters what follows from them alone for itself.
for (let i = 0; i < (values.mode === 'training' ? 2 : 9); i++) await step();
const seconds: number[] = [];
const begun = performance.now();
while (seconds.length < Number(values.steps) || performance.now() - begun < 1000 * Number(values.seconds)) {
  const start = performance.now();
  await step();
  seconds.push((performance.now() - start) / 1000);
}
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
process.stdout.write(
  `${JSON.stringify({ network: values.network, mode: values.mode, segments: Number(values.segments), batch, imagesPerSecond: Number((batch / Math.min(...seconds)).toPrecision(3)), peakMegabytes: Math.round(Number(peak) / 1024) })}\n`,
);

/** Weights are not drawn one by one, which would take seconds, but repeat a few: how fast it is does not depend on them. */
function networkToTime(): Backbone {
  const graph = networkGraph(values.network);
  const noise = new Float32Array(2 ** 16);
  new SmallFastCounting(1, 'noise').fillNormal(noise, 1);
  return backboneFromSource(
    graph,
    (parameter) => {
      if (parameter.kind !== 'weight') return initialValues(parameter, graph.initializer, 0);
      const scale = Math.sqrt(2 / elementCount(parameter.shape.slice(1)));
      const weights = new Float32Array(elementCount(parameter.shape));
      for (let i = 0; i < weights.length; i++) weights[i] = scale * noise[i % noise.length]!;
      return weights;
    },
    { segments: Number(values.segments) },
  );
}

async function chooseStep(mode: string): Promise<() => Promise<void> | void> {
  switch (mode) {
    case 'training':
      return () => trainingStep(backbone);
    case 'onnx':
    case 'onnx-folded':
      return await runDirectly(backbone);
    default:
      return () => tf.tidy(() => void backbone.apply(images).dataSync());
  }
}

async function runDirectly(network: Backbone): Promise<() => Promise<void>> {
  const session = await InferenceSession.create(serializeOnnxModel(exportOnnx(network)), {
    intraOpNumThreads: Number(values.threads),
    graphOptimizationLevel: 'all',
  });
  const pixels = Float32Array.from({ length: batch * 3 * height * width }, (_, i) => (i * 37) % 256);
  const input = new Tensor('float32', pixels, [batch, 3, height, width]);
  return async () => {
    await session.run({ [session.inputNames[0]!]: input });
  };
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

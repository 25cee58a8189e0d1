/**
 * Exports every network and compares ONNX Runtime's embeddings with ours:
 *
 *   npx tsx tooling/onnx/verify-exports.ts [folder to keep the files in, or ''] [only networks whose name has this in it]
 *   python tooling/onnx/check_models.py FOLDER/*.onnx
 *
 * Networks are the presets, and, where `../shared/oracle` is, all that the reference could build, under its deterministic
 * values. Each model runs on two images together and on one alone: its batch is open. Prints the deviation relative to the
 * largest value; fails when one exceeds 1e-5.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Backbone, exportOnnx, listNetworks, networkGraph } from '@arcface/backbones';
import * as tf from '@tensorflow/tfjs-core';
import { type OnnxModel, serializeOnnxModel } from 'onnx-format';
import 'tfjs-backend-onnxruntime';
import { backboneFromSource } from '../../packages/backbones/src/backbone.ts';
import {
  deterministicImages,
  parameterValues,
} from '../../packages/backbones/src/testing/deterministic-values.ts';
import { channelsFirst, openSession } from '../../packages/backbones/src/testing/onnx-runtime.ts';
import { oracleNetwork, oracleNetworks } from '../../packages/backbones/src/testing/oracle.ts';
import { configurationOf } from '../../packages/backbones/src/testing/oracle-configurations.ts';

const [folder = '', only = ''] = process.argv.slice(2);
const BATCH = 2;
const LIMIT = 1e-5;

function* networks(): Generator<[string, () => Backbone]> {
  for (const name of oracleNetworks()) {
    const reference = oracleNetwork(name);
    const graph = networkGraph(configurationOf(reference));
    yield [name, () => backboneFromSource(graph, (p) => parameterValues(p, reference.weight_gain))];
  }
  for (const { name } of listNetworks()) {
    yield [`preset-${name}`, () => backboneFromSource(networkGraph(name), (p) => parameterValues(p, 1))];
  }
}

async function deviationOf(backbone: Backbone, model: OnnxModel): Promise<number> {
  const [height, width] = backbone.inputShape;
  const pixels = deterministicImages(BATCH, height, width);
  const images = tf.tensor4d(pixels, [BATCH, height, width, 3], 'int32');
  const embeddings = backbone.apply(images);
  const expected = await embeddings.data<'float32'>();
  tf.dispose([images, embeddings]);
  const planes = channelsFirst(pixels, [BATCH, height, width]);
  const session = await openSession(model);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // Of a network that weighs by the whole batch, one image alone is another matter.
  const batches = model.metadata?.has('arcface.batch-dependent') ? [BATCH] : [BATCH, 1];
  let worst = 0;
  for (const batch of batches) {
    const part = planes.subarray(0, batch * 3 * height * width);
    const results = await session.run(part, [batch, 3, height, width]);
    const { data } = results.get(model.graph.outputs[0]!.name)!;
    if (data.length !== batch * backbone.embeddingSize)
      throw new Error(`${data.length} values of ${batch} images`);
    data.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(value - expected[i]!));
    });
  }
  await session.release();
  return worst / largest;
}

await tf.setBackend('onnxruntime');
let worst = 0;
let count = 0;
for (const [name, create] of networks()) {
  if (!name.includes(only)) continue;
  const backbone = create();
  const model = exportOnnx(backbone);
  if (folder) writeFileSync(join(folder, `${name}.onnx`), serializeOnnxModel(model));
  const deviation = await deviationOf(backbone, model);
  backbone.dispose();
  worst = Math.max(worst, deviation);
  count++;
  console.log(`${deviation < LIMIT ? 'ok ' : 'BAD'} ${name.padEnd(28)} ${deviation.toExponential(1)}`);
}
console.log(`${count} networks, the worst deviates by ${worst.toExponential(1)}`);
process.exitCode = worst < LIMIT ? 0 : 1;

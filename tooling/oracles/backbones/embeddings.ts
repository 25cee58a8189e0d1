/**
 * Compares the embeddings of every network that the reference can build with the reference's own, under its deterministic
 * weights. The test-suite does so for a few networks; this takes some minutes, and writes down the largest deviation of
 * each, relative to the largest value of its embeddings.
 *
 *     npx tsx tooling/oracles/backbones/embeddings.ts [network...]
 *
 * Updates results/embeddings.json, which the table in the package's README is made from.
 * Exits with 1 if a network is further off than 1e-4. Needs the reference's output beside the repository (../shared).
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { backboneFromSource } from '../../../packages/backbones/src/backbone.ts';
import { networkGraph } from '../../../packages/backbones/src/networks/presets.ts';
import {
  deterministicImages,
  parameterValues,
} from '../../../packages/backbones/src/testing/deterministic-values.ts';
import { oracleNetwork, oracleNetworks } from '../../../packages/backbones/src/testing/oracle.ts';
import { configurationOf } from '../../../packages/backbones/src/testing/oracle-configurations.ts';

const TOLERANCE = 1e-4;
const RESULTS = fileURLToPath(new URL('./results/embeddings.json', import.meta.url));

await tf.setBackend('onnxruntime');
const only = process.argv.slice(2);
// Those whose embeddings were taken in training mode are compared by the test-suite.
const names = oracleNetworks().filter((name) => !name.startsWith('train_'));
const deviations: Record<string, number> = {};
for (const name of only.length > 0 ? only : names) {
  deviations[name] = await deviationOf(name);
  const verdict = deviations[name] < TOLERANCE ? '' : '  TOO FAR';
  process.stdout.write(`${name.padEnd(28)} ${deviations[name].toExponential(1)}${verdict}\n`);
}
const known = existsSync(RESULTS)
  ? (JSON.parse(readFileSync(RESULTS, 'utf8')) as Record<string, number>)
  : {};
const rounded = Object.entries(deviations).map(
  ([name, value]) => [name, Number(value.toPrecision(2))] as const,
);
const all = Object.entries({ ...known, ...Object.fromEntries(rounded) }).sort(([a], [b]) => (a < b ? -1 : 1));
writeFileSync(RESULTS, `${JSON.stringify(Object.fromEntries(all), null, 2)}\n`);
const worst = Math.max(...Object.values(deviations));
process.stdout.write(`${Object.keys(deviations).length} networks, at most ${worst.toExponential(1)}\n`);
process.exitCode = worst < TOLERANCE ? 0 : 1;

async function deviationOf(name: string): Promise<number> {
  const reference = oracleNetwork(name);
  const backbone = backboneFromSource(networkGraph(configurationOf(reference)), (parameter) =>
    parameterValues(parameter, reference.weight_gain),
  );
  const images = tf.tensor4d(deterministicImages(2), [2, 112, 112, 3], 'int32');
  const embeddings = backbone.apply(images);
  const values = await embeddings.data();
  tf.dispose([images, embeddings]);
  backbone.dispose();
  const expected = reference.fc1.flat();
  if (values.length !== expected.length) {
    throw new Error(`${name} gives ${values.length} values, the reference ${expected.length}`);
  }
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - values[i]!))) / largest;
}

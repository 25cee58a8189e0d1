/**
 * Compares every network of arcface_torch with PyTorch: parameters both ways by safetensors, embeddings, a training step.
 *
 *     npx tsx tooling/oracles/backbones/torch-networks.ts [--python PYTHON] [network...]
 *
 * Updates results/torch-networks.json. PYTHON has torch and safetensors. Exits with 1 if embeddings are further off than 1e-4.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { compareWithTorch, type TorchComparison, type TorchNetwork } from './torch-comparison.ts';

const NETWORKS = [
  'iresnet18',
  'iresnet34',
  'iresnet50',
  'iresnet100',
  'iresnet200',
  'mbf',
  'mbf_large',
] as const;
const RESULTS = fileURLToPath(new URL('./results/torch-networks.json', import.meta.url));
const { values, positionals } = parseArgs({
  options: { python: { type: 'string', default: process.env.ARCFACE_TORCH_PYTHON ?? 'python3' } },
  allowPositionals: true,
});

await tf.setBackend('onnxruntime');
const known = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8') : '{}';
const all = JSON.parse(known) as Record<string, TorchComparison>;
for (const network of positionals.length > 0 ? (positionals as TorchNetwork['network'][]) : NETWORKS) {
  const found = await compareWithTorch({ network }, values.python);
  const rounded = Object.entries(found).map(([what, value]) => [what, Number(value.toPrecision(2))]);
  all[network] = Object.fromEntries(rounded) as TorchComparison;
  process.stdout.write(`${network.padEnd(12)} ${JSON.stringify(all[network])}\n`);
  writeFileSync(RESULTS, `${JSON.stringify(all, null, 2)}\n`);
}
process.exitCode = Object.values(all).every(({ ours, theirs }) => ours < 1e-4 && theirs < 1e-4) ? 0 : 1;

/**
 * Compares combinations of settings that no preset has with networks that InsightFace's own MXNet code builds and runs at
 * that moment: names, shapes and order of parameters, operations, and embeddings under the deterministic weights.
 *
 *     npx tsx tooling/oracles/backbones/combinations.ts --reference FOLDER [--python PYTHON] [--seed 1] [--count 80]
 *
 * FOLDER is `recognition/subcenter_arcface` of a checkout of insightface; PYTHON has MXNet 1.9.1, easydict and
 * scikit-learn. Combinations are drawn from a seed. Where the reference cannot build one, ours must embed all the same.
 * Exits with 1 if any differs.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import 'tfjs-backend-onnxruntime';
import { backboneFromSource } from '../../../packages/backbones/src/backbone.ts';
import { complexity } from '../../../packages/backbones/src/graph/complexity.ts';
import { type NetworkGraph, resolveGraph } from '../../../packages/backbones/src/graph/network-graph.ts';
import type { BackboneConfig } from '../../../packages/backbones/src/networks/backbone-config.ts';
import { type OutputHead, outputHeads } from '../../../packages/backbones/src/networks/output-heads.ts';
import { networkGraph } from '../../../packages/backbones/src/networks/presets.ts';
import { SmallFastCounting } from '../../../packages/backbones/src/small-fast-counting.ts';
import {
  deterministicImages,
  parameterValues,
} from '../../../packages/backbones/src/testing/deterministic-values.ts';

/** The same network, as it is asked for here and there. */
interface Combination {
  readonly config: BackboneConfig & { readonly inputSize: readonly [number, number] };
  readonly settings: Readonly<Record<string, unknown>>;
}

interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly fixed: boolean;
}

type ReferenceResult =
  | { readonly error: string }
  | {
      readonly arguments: readonly Parameter[];
      readonly auxiliaries: readonly Parameter[];
      readonly flops: number | null;
      readonly embeddings: readonly (readonly number[])[];
    };

const BATCH = 2;
const USUAL_SIZE = [112, 112] as const;
const TOLERANCE = 1e-4;
const { values: options } = parseArgs({
  options: {
    reference: { type: 'string' },
    python: { type: 'string', default: process.env.ARCFACE_MXNET_PYTHON ?? 'python3' },
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '80' },
  },
});
if (options.reference === undefined) {
  console.error('--reference FOLDER is needed: recognition/subcenter_arcface of a checkout of insightface');
  process.exit(2);
}
const reference = options.reference;
const random = new SmallFastCounting(Number(options.seed), 'combinations');

await tf.setBackend('onnxruntime');
let failures = 0;
let unbuildable = 0;
let worst = 0;
for (let i = 0; i < Number(options.count); i++) {
  const combination = drawCombination();
  const verdict = await compare(combination);
  failures += verdict.differs ? 1 : 0;
  process.stdout.write(`${verdict.text}  ${JSON.stringify(combination.config)}\n`);
}
process.stdout.write(
  `seed ${options.seed}: ${options.count} combinations, ${failures} differ, ${unbuildable} the reference cannot build; largest deviation ${worst.toExponential(1)}\n`,
);
process.exitCode = failures > 0 ? 1 : 0;

function oneOf<T>(values: readonly T[]): T {
  return values[random.uint32() % values.length]!;
}

/** Height and width. The reference's depthwise head has a window of 7x7 whatever the map; ours always covers it. */
function drawSize(output: OutputHead): readonly [number, number] {
  return output === 'GDC'
    ? USUAL_SIZE
    : oneOf([
        USUAL_SIZE,
        [64, 64],
        [80, 80],
        [96, 96],
        [128, 128],
        [224, 224],
        [112, 96],
        [64, 128],
        [97, 113],
      ]);
}

function drawCombination(): Combination {
  const output = oneOf(outputHeads);
  const embeddingSize = oneOf([1, 3, 64, 128, 200, 512, 600, 1024]);
  const activation = oneOf(['prelu', 'relu', 'sigmoid', 'tanh', 'softrelu', 'softsign'] as const);
  const common = { net_output: output, emb_size: embeddingSize };
  const active = { ...common, net_act: activation };
  switch (
    oneOf([
      'fresnet',
      'fresnet',
      'fresnet',
      'fmobilefacenet',
      'fmobilenet',
      'fmnasnet',
      'fdensenet',
      'vargfacenet',
    ])
  ) {
    case 'fresnet': {
      const unit = oneOf([1, 2, 3] as const);
      const stem = oneOf([0, 1, 2] as const);
      const squeezeExcitation = oneOf([false, true]);
      const inputSize = drawSize(output);
      return {
        config: {
          network: 'r18',
          output,
          embeddingSize,
          activation,
          unit,
          stem,
          squeezeExcitation,
          inputSize,
        },
        settings: {
          ...active,
          net_name: 'fresnet',
          num_layers: 18,
          net_unit: unit,
          net_input: stem,
          net_se: squeezeExcitation ? 1 : 0,
          size: inputSize,
        },
      };
    }
    case 'fmobilefacenet': {
      const blocks = [oneOf([1, 2, 3]), oneOf([1, 3]), oneOf([1, 2]), oneOf([1, 2])];
      const inputSize = drawSize(output);
      return {
        config: { network: 'y1', output, embeddingSize, activation, blocks, inputSize },
        settings: { ...active, net_name: 'fmobilefacenet', net_blocks: blocks, size: inputSize },
      };
    }
    case 'fmobilenet': {
      const width = oneOf([0.1, 0.25, 0.3, 0.5, 0.75, 1]);
      const strided = oneOf([false, false, true]);
      const inputSize = drawSize(output);
      return {
        config: {
          network: 'm1',
          output,
          embeddingSize,
          activation,
          width,
          inputSize,
          stemStride: strided ? 2 : 1,
        },
        settings: {
          ...active,
          net_name: 'fmobilenet',
          net_multiplier: width,
          net_input: strided ? 0 : 1,
          size: inputSize,
        },
      };
    }
    case 'fmnasnet': {
      const width = oneOf([0.25, 0.35, 0.4, 0.5, 0.75, 1, 1.4]);
      const inputSize = drawSize(output);
      return {
        config: { network: 'mnas', output, embeddingSize, width, inputSize },
        settings: { ...common, net_name: 'fmnasnet', net_multiplier: width, size: inputSize },
      };
    }
    case 'fdensenet': {
      const layers = oneOf([121, 161]);
      const layerDropout = oneOf([0, 0.2]);
      const inputSize = drawSize(output);
      return {
        config: { network: `d${layers}`, output, embeddingSize, inputSize, layerDropout },
        settings: {
          ...common,
          net_name: 'fdensenet',
          num_layers: layers,
          densenet_dropout: layerDropout,
          size: inputSize,
        },
      };
    }
    default: {
      const width = oneOf([0.5, 0.75, 1, 1.25]);
      const squeezeExcitation = oneOf([false, true]);
      return {
        config: {
          network: 'vargfacenet',
          output,
          embeddingSize,
          activation,
          width,
          squeezeExcitation,
          inputSize: USUAL_SIZE,
        },
        settings: {
          ...active,
          net_name: 'vargfacenet',
          net_multiplier: width,
          net_se: squeezeExcitation ? 1 : 0,
          size: USUAL_SIZE,
        },
      };
    }
  }
}

async function compare(combination: Combination): Promise<{ differs: boolean; text: string }> {
  const expected = runReference(combination);
  const graph = networkGraph(combination.config);
  const embeddings = await embed(graph, combination);
  if (!embeddings.every(Number.isFinite)) {
    return { differs: true, text: 'NOT FINITE' };
  }
  if ('error' in expected) {
    unbuildable++;
    return { differs: false, text: `not in the reference (${expected.error})` };
  }
  for (const [role, parameters] of [
    ['argument', expected.arguments],
    ['auxiliary', expected.auxiliaries],
  ] as const) {
    const found = listed(graph, role);
    const at = parameters.findIndex((parameter, i) => JSON.stringify(parameter) !== JSON.stringify(found[i]));
    if (at !== -1 || found.length !== parameters.length) {
      return {
        differs: true,
        text: `PARAMETERS differ at ${at}: ${JSON.stringify(parameters[at])} there, ${JSON.stringify(found[at])} here`,
      };
    }
  }
  const { flops } = complexity(graph);
  if (expected.flops !== null && expected.flops !== flops) {
    return { differs: true, text: `OPERATIONS differ: ${expected.flops} there, ${flops} here` };
  }
  const deviation = deviationOf(embeddings, expected.embeddings.flat());
  worst = Math.max(worst, deviation);
  const differs = !(deviation < TOLERANCE);
  return { differs, text: `${deviation.toExponential(1)}${differs ? ' TOO FAR' : ''}` };
}

function runReference({ settings }: Combination): ReferenceResult {
  const script = fileURLToPath(new URL('./reference_network.py', import.meta.url));
  const { status, stdout, stderr, error } = spawnSync(options.python, [script, reference], {
    input: JSON.stringify({ ...settings, batch: BATCH }),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) {
    throw new Error(`${options.python} failed: ${error?.message ?? stderr}`);
  }
  return JSON.parse(stdout) as ReferenceResult;
}

function listed(graph: NetworkGraph, wanted: string): Parameter[] {
  return [...resolveGraph(graph).parameters.values()]
    .filter(({ role }) => role === wanted)
    .map(({ name, shape, fixed }) => ({ name, shape, fixed }));
}

async function embed(graph: NetworkGraph, { config }: Combination): Promise<Float32Array> {
  const gain = config.network.startsWith('r') ? 1 : 32 / 17;
  const backbone = backboneFromSource(graph, (parameter) => parameterValues(parameter, gain));
  const [height, width] = config.inputSize;
  const images = tf.tensor4d(deterministicImages(BATCH, height, width), [BATCH, height, width, 3], 'int32');
  const embeddings = backbone.apply(images);
  const values = (await embeddings.data<'float32'>()).slice();
  tf.dispose([images, embeddings]);
  backbone.dispose();
  return values;
}

/** Largest deviation, relative to the largest value. */
function deviationOf(actual: ArrayLike<number>, expected: readonly number[]): number {
  if (actual.length !== expected.length) {
    return Number.POSITIVE_INFINITY;
  }
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!))) / largest;
}

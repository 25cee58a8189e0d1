/** `arcface bench`: how fast this machine trains or embeds. */
import { createBackbone, listNetworks } from '@arcface/backbones';
import { SubcenterHead } from '@arcface/subcenter-loss';
import { Random, Sgd, trainableParameters, trainStep } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';
import type { Command } from 'commander';
import type { OperatorTime } from 'tfjs-backend-onnxruntime';
import { useBackend } from '../backend.ts';
import {
  type CommandContext,
  type ComputeOptions,
  defineCommand,
  type SharedOptions,
  withComputeOptions,
} from '../cli/define-command.ts';
import { wholeNumber } from '../cli/option-values.ts';
import { UsageError } from '../cli/usage-error.ts';

interface BenchOptions extends SharedOptions, ComputeOptions {
  readonly network: string;
  readonly batchSize: number;
  readonly steps: number;
  readonly forward?: boolean;
  readonly profile?: boolean;
}

/** Identities of the head that the benchmark trains. */
const CLASSES = 1000;
/** Enough for the fastest of each operator's runs. */
const PROFILED_STEPS = 4;

export function benchCommand(): Command {
  const names = listNetworks().map(({ name }) => name);
  return defineCommand<BenchOptions>({
    name: 'bench',
    description: `Time training steps (K = 3, ${CLASSES} identities, random images), or forward passes.`,
    example: 'arcface bench --network y1 --batch-size 32 --threads 2 --steps 10',
    options: (command) =>
      withComputeOptions(
        command
          .option('--network <name>', `one of ${names.join(', ')}`, 'y1')
          .option('--batch-size <n>', 'images a step', wholeNumber(1, 4096), 32)
          .option('--steps <n>', 'steps that count, behind two that do not', wholeNumber(1, 1e6), 10)
          .option('--forward', 'embed only')
          .option('--profile', 'tell where the time of a step goes, by operator (onnxruntime only)'),
      ),
    run: bench,
  });
}

async function bench(options: BenchOptions, { console, signal }: CommandContext): Promise<void> {
  const backend = await useBackend(options);
  const { batchSize, steps } = options;
  if (options.profile && !backend.startsWith('onnxruntime')) {
    throw new UsageError(`--profile needs --backend onnxruntime: ${backend} has no profile by operator.`);
  }
  const backbone = createBackbone(options.network, { seed: options.seed });
  const [height, width] = backbone.inputShape;
  const random = Random.of(options.seed, 'bench');
  const images = Uint8Array.from({ length: batchSize * height * width * 3 }, () => random.integer(256));
  const labels = Int32Array.from({ length: batchSize }, () => random.integer(CLASSES));
  const step = options.forward
    ? embedding(backbone, images, batchSize)
    : training(backbone, { images, labels }, options.seed);

  const progress = console.progress('bench', { total: steps + 2, unit: 'steps' });
  const seconds: number[] = [];
  for (let i = 0; i < steps + 2; i++) {
    signal.throwIfAborted();
    const begun = performance.now();
    await step(i);
    seconds.push((performance.now() - begun) / 1000);
    progress.update(i + 1);
  }
  progress.stop();
  const [firstStepSeconds = Number.NaN] = seconds;
  const counted = seconds.slice(2).sort((a, b) => a - b);
  const median = (counted[(counted.length - 1) >> 1]! + counted[counted.length >> 1]!) / 2;
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  const operators = options.profile ? await profile(step, steps) : undefined;
  console.result(
    {
      ...{
        imagesPerSecond: batchSize / median,
        secondsPerStep: median,
        firstStepSeconds,
        peakRssBytes,
        backend,
      },
      ...(operators && { operators }),
    },
    [
      `${(batchSize / median).toFixed(1)} images/s (median of ${steps} ${options.forward ? 'forward passes' : 'training steps'} of ${batchSize} images: ${median.toFixed(3)} s)`,
      `first step ${firstStepSeconds.toFixed(2)} s, peak memory ${(peakRssBytes / 2 ** 20).toFixed(0)} MiB, ${backend}`,
      ...(operators ? ['', ...profileTable(operators)] : []),
    ],
  );
}

/** By operator, of steps that are not among those that were timed: the profiler slows them down. */
async function profile(step: (i: number) => Promise<void>, steps: number): Promise<OperatorTime[]> {
  const { profileOperators } = await import('tfjs-backend-onnxruntime');
  return profileOperators(async () => {
    for (let i = 0; i < Math.min(steps, PROFILED_STEPS) + 1; i++) await step(i);
  });
}

/** Operators with less than this share of the time are not told of. */
const SMALLEST_SHARE = 0.005;

function profileTable(operators: readonly OperatorTime[]): string[] {
  const total = operators.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const rows = operators
    .filter(({ milliseconds }) => milliseconds >= SMALLEST_SHARE * total)
    .map(({ kernel, operator, count, milliseconds, flops }) => [
      `${kernel} / ${operator}`,
      String(count),
      milliseconds.toFixed(1),
      `${((100 * milliseconds) / total).toFixed(1)} %`,
      flops === 0 ? '' : (flops / milliseconds / 1e6).toFixed(1),
    ]);
  const cells = [['kernel / operator', 'count', 'ms', 'share', 'GFLOP/s'], ...rows];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const lines = cells.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  return [`one step, by operator (${total.toFixed(0)} ms):`, ...lines];
}

type Backbone = ReturnType<typeof createBackbone>;

function training(
  backbone: Backbone,
  batch: { images: Uint8Array; labels: Int32Array },
  seed: number,
): (i: number) => Promise<void> {
  const head = new SubcenterHead({ classes: CLASSES, embeddingSize: backbone.embeddingSize, seed });
  const model = { backbone, head };
  const sgd = new Sgd(trainableParameters(model));
  return async (i) => {
    const loss = trainStep({ ...model, sgd }, batch, { learningRate: 0.01, seed: i });
    await loss.data();
    loss.dispose();
  };
}

function embedding(backbone: Backbone, images: Uint8Array, batchSize: number): () => Promise<void> {
  return async () => {
    const embeddings = tf.tidy(() =>
      backbone.apply(tf.tensor4d(Float32Array.from(images), [batchSize, ...backbone.inputShape])),
    );
    await embeddings.data();
    embeddings.dispose();
  };
}

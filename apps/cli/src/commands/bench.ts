/** `arcface bench`: how fast this machine trains or embeds. */
import { createBackbone, listNetworks } from '@arcface/backbones';
import { SubcenterHead } from '@arcface/subcenter-loss';
import { Random, Sgd, trainableParameters, trainStep } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';
import type { Command } from 'commander';
import { useBackend } from '../backend.ts';
import {
  type CommandContext,
  type ComputeOptions,
  defineCommand,
  type SharedOptions,
  withComputeOptions,
} from '../cli/define-command.ts';
import { wholeNumber } from '../cli/option-values.ts';

interface BenchOptions extends SharedOptions, ComputeOptions {
  readonly network: string;
  readonly batchSize: number;
  readonly steps: number;
  readonly forward?: boolean;
}

/** Identities of the head that the benchmark trains. */
const CLASSES = 1000;

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
          .option('--forward', 'embed only'),
      ),
    run: bench,
  });
}

async function bench(options: BenchOptions, { console, signal }: CommandContext): Promise<void> {
  const backend = await useBackend(options);
  const { batchSize, steps } = options;
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
  console.result(
    { imagesPerSecond: batchSize / median, secondsPerStep: median, firstStepSeconds, peakRssBytes, backend },
    [
      `${(batchSize / median).toFixed(1)} images/s (median of ${steps} ${options.forward ? 'forward passes' : 'training steps'} of ${batchSize} images: ${median.toFixed(3)} s)`,
      `first step ${firstStepSeconds.toFixed(2)} s, peak memory ${(peakRssBytes / 2 ** 20).toFixed(0)} MiB, ${backend}`,
    ],
  );
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

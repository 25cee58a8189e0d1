/** `arcface train`: steps 1 and 3 of the main job. */
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Backbone, type BackboneConfig, createBackbone, listNetworks } from '@arcface/backbones';
import { compactLabels, type FaceDataset } from '@arcface/recordio';
import { type Margin, SubcenterHead } from '@arcface/subcenter-loss';
import { type Evaluation, type LearningRateSchedule, type TrainOptions, train } from '@arcface/trainer';
import { FileCheckpointStore, JsonLinesLog } from '@arcface/trainer/node';
import { type Command, Option } from 'commander';
import { writeAtomically } from '../atomic-file.ts';
import { useBackend } from '../backend.ts';
import {
  type CommandContext,
  type ComputeOptions,
  defineCommand,
  required,
  type SharedOptions,
  withComputeOptions,
} from '../cli/define-command.ts';
import { INTERRUPTED } from '../cli/interrupt.ts';
import { ascendingNumbers, numberWithin, wholeNumber } from '../cli/option-values.ts';
import { refuseUsedFolder } from '../cli/output-folder.ts';
import { UsageError } from '../cli/usage-error.ts';
import { openData } from '../data.ts';
import { sharpDecoder } from '../decode.ts';
import { CHECKPOINTS } from '../model.ts';
import { packedPairs } from '../pair-images.ts';
import { verifyBackbone } from './verify.ts';

/** The margins by the reference's names; `--margin` and `--scale` change them. */
const LOSSES: Readonly<Record<string, Margin>> = {
  arcface: { m1: 1, m2: 0.5, m3: 0, s: 64 },
  cosface: { m1: 1, m2: 0, m3: 0.35, s: 64 },
  combined: { m1: 1, m2: 0.3, m3: 0.2, s: 64 },
  nsoftmax: { m1: 1, m2: 0, m3: 0, s: 64 },
};

interface TrainCommandOptions extends SharedOptions, ComputeOptions {
  readonly data?: string;
  readonly output?: string;
  readonly network: string;
  readonly width?: number;
  readonly embeddingSize?: number;
  readonly inputSize?: number;
  readonly dropout?: number;
  readonly loss: string;
  readonly subcenters: number;
  readonly margin?: number;
  readonly scale?: number;
  readonly epochs?: number;
  readonly maxSteps?: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly lrSteps?: readonly number[];
  readonly schedule: 'steps' | 'cosine' | 'constant';
  readonly warmupEpochs: number;
  readonly marginWarmupEpochs: number;
  readonly mom: number;
  readonly nesterov?: boolean;
  readonly wd: number;
  readonly mirror: boolean;
  readonly shift: number;
  readonly color: number;
  readonly cutoff: number;
  readonly crop: number;
  readonly recompression: number;
  readonly checkpointEvery: number;
  readonly verifyEvery: number;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
}

export function trainCommand(): Command {
  const names = listNetworks().map(({ name }) => name);
  return defineCommand<TrainCommandOptions>({
    name: 'train',
    description:
      'Train a network with the (Sub-center) ArcFace loss. Sub-centres are saved with every checkpoint. ' +
      'Ctrl-C stops after the current step; --resume goes on from there, bit for bit.',
    example: 'arcface train --data faces --output run --network y1 --subcenters 3 --epochs 18',
    options: (command) =>
      withComputeOptions(
        command
          .option('--data <data>', 'a .rec, a folder with a train.rec, a folder of folders, or a .lst')
          .option('--output <folder>', 'run folder: checkpoints, log.jsonl, run.json')
          .option('--network <name>', `one of ${names.join(', ')}`, 'y1')
          .option(
            '--width <factor>',
            'channels inside the network, relative to its own',
            numberWithin(0.01, 16),
          )
          .option(
            '--embedding-size <n>',
            "length of the embeddings (default: the network's)",
            wholeNumber(1, 8192),
          )
          .option('--input-size <pixels>', 'side of the images (default: 112)', wholeNumber(16, 1024))
          .option(
            '--dropout <share>',
            "dropped before the last layer (default: the network's)",
            numberWithin(0, 0.95),
          )
          .addOption(new Option('--loss <name>', 'margin').choices(Object.keys(LOSSES)).default('arcface'))
          .option(
            '--subcenters <k>',
            'sub-centres an identity: 3 for noisy data, 1 for clean',
            wholeNumber(1, 1000),
            3,
          )
          .option('--margin <m>', "margin instead of the loss's own (arcface: radians)", numberWithin(0, 3.2))
          .option('--scale <s>', "feature scale instead of the loss's own", numberWithin(0.1, 1000))
          .option('--epochs <n>', 'passes over the data (default: 18)', numberWithin(0.001, 1e6))
          .option('--max-steps <n>', 'steps instead of epochs', wholeNumber(1))
          .option('--batch-size <n>', 'images a step', wholeNumber(1, 65536), 128)
          .option('--lr <rate>', 'learning rate', numberWithin(1e-9, 100), 0.1)
          .option(
            '--lr-steps <steps>',
            'steps at which it falls to a tenth (default: 100000,160000,220000)',
            ascendingNumbers,
          )
          .addOption(
            new Option('--schedule <kind>', 'how it falls')
              .choices(['steps', 'cosine', 'constant'])
              .default('steps'),
          )
          .option('--warmup-epochs <n>', 'rise of the learning rate from 0', numberWithin(0, 1e6), 0)
          .option('--margin-warmup-epochs <n>', 'rise of the margin from 0', numberWithin(0, 1e6), 0)
          .option('--mom <m>', 'momentum', numberWithin(0, 0.9999), 0.9)
          .option('--nesterov', "look ahead along the momentum (not the reference's)")
          .option('--wd <w>', 'weight decay, on every parameter', numberWithin(0, 1), 5e-4)
          .option('--no-mirror', 'never mirror images')
          .option('--shift <pixels>', 'largest random translation', wholeNumber(0, 512), 0)
          .option(
            '--color <share>',
            'largest random change of brightness, contrast and saturation',
            numberWithin(0, 1),
            0,
          )
          .option(
            '--cutoff <pixels>',
            'side of a grey square put on half of the images',
            wholeNumber(0, 1024),
            0,
          )
          .option(
            '--crop <share>',
            'largest share of each side that a random crop takes away',
            numberWithin(0, 0.9),
            0,
          )
          .option(
            '--recompression <chance>',
            'of compressing an image as JPEG once more',
            numberWithin(0, 1),
            0,
          )
          .option(
            '--checkpoint-every <steps>',
            'steps between checkpoints, beside the last',
            wholeNumber(1),
            2000,
          )
          .option(
            '--verify-every <steps>',
            'steps between verifications on the .bin files beside the data',
            wholeNumber(1),
            2000,
          )
          .option('--resume', 'go on from the newest checkpoint in the run folder')
          .option(
            '--overwrite',
            'start anew in a run folder that has something in it; its checkpoints are lost',
          ),
      ),
    run: trainNetwork,
  });
}

async function trainNetwork(options: TrainCommandOptions, context: CommandContext): Promise<void> {
  const data = required(options.data, '--data');
  const output = required(options.output, '--output');
  const { console } = context;
  if (options.resume && options.overwrite)
    throw new UsageError('--resume and --overwrite contradict each other.');
  if (!options.resume && !options.overwrite) await refuseUsedFolder(output, '--resume or --overwrite');
  const trainOptions = trainOptionsOf(options);

  const opened = await openData(data, context);
  try {
    const dataset = withoutGaps(opened, context);
    const backendName = await useBackend(options);
    const network: BackboneConfig = {
      network: options.network,
      width: options.width,
      embeddingSize: options.embeddingSize,
      inputSize: options.inputSize,
      dropout: options.dropout,
    };
    const backbone = createBackbone(network, { seed: options.seed });
    const packs = await packsBeside(data);
    const head = new SubcenterHead({
      classes: dataset.identities.length,
      subcenters: options.subcenters,
      embeddingSize: backbone.embeddingSize,
      margin: marginOf(options),
      seed: options.seed,
    });
    const store = new FileCheckpointStore(join(output, CHECKPOINTS));
    if (options.overwrite) for (const name of await store.list()) await store.remove(name);
    const log = new JsonLinesLog(join(output, 'log.jsonl'));
    const settings = {
      data,
      network,
      loss: options.loss,
      subcenters: options.subcenters,
      backend: backendName,
      options: trainOptions,
    };
    await writeAtomically(join(output, 'run.json'), [`${JSON.stringify(settings, null, 2)}\n`]);

    let progress: ReturnType<typeof console.progress> | undefined;
    let skipped = 0;
    const result = await train({
      backbone,
      head,
      dataset,
      decoder: sharpDecoder,
      options: trainOptions,
      store,
      resume: options.resume === true,
      signal: context.signal,
      evaluation:
        packs.length === 0 ? undefined : await evaluationOf(options, { data, packs, backbone }, context),
      onEvent(event) {
        log.append(event);
        if (event.kind === 'started') {
          if (event.resumedFrom !== undefined) console.log(`going on from ${event.resumedFrom}`);
          progress = console.progress('training', { total: event.totalSteps, unit: 'steps' });
        } else if (event.kind === 'step') {
          progress?.update(event.step, {
            note: `loss ${event.loss.toFixed(3)}, ${event.imagesPerSecond.toFixed(1)} images/s`,
          });
        } else if (event.kind === 'undecodable') {
          if (++skipped <= 5)
            console.warn(`image ${event.key} cannot be decoded and is skipped: ${event.reason}`);
        } else if (event.kind === 'damaged-checkpoint') {
          console.warn(`${event.reason} The one before it is used.`);
        }
      },
    });
    progress?.stop();
    await log.flush();
    if (skipped > 5) console.warn(`${skipped} images in all cannot be decoded and were skipped`);

    const { steps, epochs, loss, imagesPerSecond, stopped } = result;
    const accuracies = Object.entries(result.metrics).filter(([name]) => packs.includes(name));
    const checkpoint = result.checkpoint === undefined ? null : join(output, CHECKPOINTS, result.checkpoint);
    console.result(
      {
        steps,
        epochs,
        loss: finite(loss),
        imagesPerSecond: finite(imagesPerSecond),
        checkpoint,
        verification: verificationOf(accuracies),
        stopped,
      },
      [
        `${stopped ? 'stopped after' : 'trained'} ${steps} steps (${epochs} epochs), loss ${loss.toFixed(4)}, ${imagesPerSecond.toFixed(1)} images/s`,
        ...accuracies.map(([name, value]) => `${name}  ${value.toFixed(5)}`),
        `checkpoint  ${checkpoint}`,
        ...(stopped ? ['the same command with --resume goes on'] : []),
      ],
    );
    if (stopped) process.exitCode = INTERRUPTED;
  } finally {
    await opened.close();
  }
}

/** Classes are the identities as the dataset lists them; labels with gaps would leave classes without an image. */
function withoutGaps(dataset: FaceDataset, { console }: CommandContext): FaceDataset {
  const inOrder = dataset.identities.every(({ label }, position) => label === position);
  if (inOrder) return dataset;
  console.log(
    'the labels are not 0, 1, 2, ... in the order of the identities; classes are numbered by the identities',
  );
  return compactLabels(dataset);
}

function trainOptionsOf(options: TrainCommandOptions): TrainOptions {
  if (options.epochs !== undefined && options.maxSteps !== undefined) {
    throw new UsageError('Give either --epochs or --max-steps.');
  }
  const jitter = options.color;
  return {
    duration: options.maxSteps === undefined ? { epochs: options.epochs ?? 18 } : { steps: options.maxSteps },
    batchSize: options.batchSize,
    seed: options.seed,
    learningRate: options.lr,
    schedule: scheduleOf(options),
    warmup: options.warmupEpochs > 0 ? { epochs: options.warmupEpochs } : undefined,
    marginWarmup: options.marginWarmupEpochs > 0 ? { epochs: options.marginWarmupEpochs } : undefined,
    optimizer: { momentum: options.mom, weightDecay: options.wd, nesterov: options.nesterov === true },
    augmentation: {
      mirror: options.mirror ? 0.5 : 0,
      shift: options.shift,
      brightness: jitter,
      contrast: jitter,
      saturation: jitter,
      cutoff: options.cutoff,
      crop: options.crop,
      recompression: options.recompression,
    },
    checkpoints: { everySteps: options.checkpointEvery },
  };
}

function scheduleOf({ schedule, lrSteps }: TrainCommandOptions): LearningRateSchedule {
  if (schedule !== 'steps') {
    if (lrSteps !== undefined) throw new UsageError(`--lr-steps has no meaning with --schedule ${schedule}.`);
    return { kind: schedule };
  }
  return { kind: 'steps', at: { steps: lrSteps ?? [100_000, 160_000, 220_000] } };
}

function marginOf({ loss, margin, scale }: TrainCommandOptions): Margin {
  const own = LOSSES[loss]!;
  const s = scale ?? own.s;
  if (margin === undefined) return { ...own, s };
  if (loss === 'arcface') return { ...own, m2: margin, s };
  if (loss === 'cosface') return { ...own, m3: margin, s };
  throw new UsageError(
    `--margin has no meaning with --loss ${loss}, which has ${loss === 'combined' ? 'two margins' : 'none'}.`,
  );
}

/** Names of the verification packs beside the data: `lfw` for `lfw.bin`. */
async function packsBeside(data: string): Promise<string[]> {
  const files = await readdir(await folderOf(data));
  return files.flatMap((file) => (file.endsWith('.bin') ? [file.slice(0, -'.bin'.length)] : [])).sort();
}

async function folderOf(data: string): Promise<string> {
  return (await stat(data)).isDirectory() ? data : dirname(data);
}

/** Verification on packs, as the reference does; the first one says which checkpoint is the best. */
async function evaluationOf(
  { verifyEvery }: TrainCommandOptions,
  {
    data,
    packs,
    backbone,
  }: { readonly data: string; readonly packs: readonly string[]; readonly backbone: Backbone },
  context: CommandContext,
): Promise<Evaluation> {
  const folder = await folderOf(data);
  const pairs = await Promise.all(packs.map((name) => packedPairs(join(folder, `${name}.bin`))));
  context.console.log(`verifying on ${packs.join(', ')} every ${verifyEvery} steps`);
  return {
    everySteps: verifyEvery,
    monitor: packs[0]!,
    async run() {
      const accuracies: Record<string, number> = {};
      for (const [i, name] of packs.entries()) {
        const folds = Math.min(10, pairs[i]!.isSame.length);
        const { verification } = await verifyBackbone({ backbone, pairs: pairs[i]!, folds }, context);
        accuracies[name] = verification.accuracy;
      }
      return accuracies;
    },
  };
}

function verificationOf(
  accuracies: readonly (readonly [string, number])[],
): Record<string, { accuracy: number }> | null {
  if (accuracies.length === 0) return null;
  return Object.fromEntries(accuracies.map(([name, accuracy]) => [name, { accuracy }]));
}

/** JSON has no NaN. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

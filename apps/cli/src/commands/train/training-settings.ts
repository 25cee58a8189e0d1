/** The options of `arcface train`: how they are typed, and what they mean to a training run. */
import { listNetworks } from '@arcface/backbones';
import { type Margin, margins } from '@arcface/subcenter-loss';
import type { LearningRateSchedule, TrainingLoss, TrainOptions } from '@arcface/trainer';
import { type Command, Option } from 'commander';
import { type ComputeOptions, type SharedOptions, withComputeOptions } from '../../cli/define-command.ts';
import {
  ascendingNumbers,
  type ImageSides,
  imageSides,
  numberWithin,
  wholeNumber,
} from '../../cli/option-values.ts';
import { UsageError } from '../../cli/usage-error.ts';
import { type ReferenceFlags, withReferenceFlags } from './reference-flags.ts';

/** The margin losses by the reference's names; `--margin` and `--scale` change them. */
const MARGINS: Readonly<Record<string, Margin>> = {
  arcface: margins.arcface,
  cosface: margins.cosface,
  combined: margins.combined,
  nsoftmax: margins.normalisedSoftmax,
};

/** The reference's other losses by its names; of the triplets `--margin` is the alpha. */
const OTHER_LOSSES: Readonly<Record<string, TrainingLoss>> = {
  softmax: { kind: 'softmax' },
  triplet: { kind: 'triplet', alpha: 0.3 },
  atriplet: { kind: 'angular-triplet', alpha: 0.35 },
};

/** The reference's. */
const LR_STEPS = [100_000, 160_000, 220_000];

export interface TrainCommandOptions extends SharedOptions, ComputeOptions, ReferenceFlags {
  readonly data?: string | undefined;
  readonly output?: string | undefined;
  readonly network?: string;
  readonly width?: number;
  readonly embeddingSize?: number;
  readonly inputSize?: ImageSides;
  readonly dropout?: number;
  readonly init?: string | undefined;
  readonly freeze?: readonly string[];
  readonly imagesFilter: number;
  readonly loss: string;
  readonly subcenters?: number;
  readonly margin?: number;
  readonly scale?: number;
  readonly epochs?: number;
  readonly maxSteps?: number;
  readonly batchSize?: number | undefined;
  readonly accumulate: number;
  readonly segments?: number;
  readonly ranks: number;
  readonly communicator: 'threads' | 'mpi';
  readonly rankTimeout: number;
  readonly syncBatchNorm?: boolean;
  readonly backwardStages: number;
  readonly lr: number;
  readonly lrSteps?: readonly number[];
  readonly lrEpochs?: readonly number[];
  readonly schedule: 'steps' | 'cosine' | 'polynomial' | 'constant';
  readonly power: number;
  readonly warmupEpochs: number;
  readonly marginWarmupEpochs: number;
  readonly mom: number;
  readonly nesterov?: boolean;
  readonly wd: number;
  readonly decay: 'all' | 'weights';
  readonly clipNorm?: number;
  readonly clipValue?: number;
  readonly mirror: boolean;
  readonly shift: number;
  readonly color: number;
  readonly cutoff: number;
  readonly crop: number;
  readonly recompression: number;
  readonly checkpointEvery?: number | undefined;
  readonly checkpointEpochs: number;
  readonly keep: number;
  readonly verifyEvery?: number | undefined;
  readonly dynamics: boolean;
  readonly tensorboard?: string | true;
  readonly frequent: number;
  readonly resume?: boolean;
  readonly overwrite?: boolean;
}

/** Adds the options of `arcface train`. */
export function withTrainOptions(command: Command): Command {
  const names = listNetworks().map(({ name }) => name);
  command
    .option('--data <data>', 'a .rec, a folder with a train.rec, a folder of folders, or a .lst')
    .option('--images-filter <n>', 'leave out identities with fewer images', wholeNumber(0), 0)
    .option('--output <folder>', 'run folder: checkpoints, log.jsonl, run.json')
    .option('--network <name>', `one of ${names.join(', ')} (default: y1)`)
    .option('--width <factor>', 'channels inside the network, relative to its own', numberWithin(0.01, 16))
    .option('--embedding-size <n>', "length of the embeddings (default: the network's)", wholeNumber(1, 8192))
    .option(
      '--input-size <pixels>',
      'side of the images, or height x width such as 112x96 (default: 112)',
      imageSides(16, 1024),
    )
    .option(
      '--dropout <share>',
      "dropped before the last layer (default: the network's)",
      numberWithin(0, 0.95),
    )
    .option('--init <model>', 'start from the network of a MODEL instead of a new one')
    .option(
      '--freeze <parts>',
      "parts of the network that stay as they are, running averages and all, by how their parameters' names begin (conv0,stage1), or all",
      namedParts,
    )
    .addOption(
      new Option(
        '--loss <name>',
        'what is minimised: a margin loss, softmax (no margin, nothing normalised), or triplets, squared distances or angles',
      )
        .choices([...Object.keys(MARGINS), ...Object.keys(OTHER_LOSSES)])
        .default('arcface'),
    )
    .option(
      '--subcenters <k>',
      'sub-centres an identity: 3 for noisy data, 1 for clean (default: 3; 1 without a margin loss)',
      wholeNumber(1, 1000),
    )
    .option(
      '--margin <m>',
      "margin instead of the loss's own (arcface, atriplet: radians)",
      numberWithin(0, 3.2),
    )
    .option('--scale <s>', "feature scale instead of the loss's own", numberWithin(0.1, 1000))
    .option('--epochs <n>', 'passes over the data (default: 18)', numberWithin(0.001, 1e6))
    .option('--max-steps <n>', 'steps instead of epochs', wholeNumber(1))
    .option('--batch-size <n>', 'images a step (default: 128)', wholeNumber(1, 65536))
    .option('--accumulate <n>', 'parts a batch is divided into, to save memory', wholeNumber(1, 65536), 1)
    .option(
      '--segments <n>',
      'gradient checkpointing: keep what passes between so many parts of the network, and compute the rest again going ' +
        'back; saves memory, costs up to one more forward pass, and gives the same but for rounding (default: 1, keep all)',
      wholeNumber(1, 10_000),
    )
    .option(
      '--ranks <n>',
      'threads that train together, each with its part of every batch',
      wholeNumber(1, 64),
      1,
    )
    .addOption(
      new Option(
        '--communicator <kind>',
        'how ranks speak to each other: as threads of --ranks, or as processes that mpirun has started',
      )
        .choices(['threads', 'mpi'])
        .default('threads'),
    )
    .option(
      '--rank-timeout <seconds>',
      'of mpi: without a sign of life of a rank, after which the run ends; must be longer than a step',
      numberWithin(1, 1e6),
      300,
    )
    .option('--sync-batch-norm', 'normalise by the images of all ranks together, not by those of each')
    .option(
      '--backward-stages <n>',
      'of mpi: stages of the backward pass; the gradients of one are exchanged while the next is computed',
      wholeNumber(1, 1000),
      1,
    )
    .option('--lr <rate>', 'learning rate', numberWithin(1e-9, 100), 0.1)
    .option(
      '--lr-steps <steps>',
      `steps at which it falls to a tenth (default: ${LR_STEPS})`,
      ascendingNumbers,
    )
    .option('--lr-epochs <epochs>', 'epochs at which it falls to a tenth, instead of steps', ascendingNumbers)
    .addOption(
      new Option('--schedule <kind>', 'how it falls')
        .choices(['steps', 'cosine', 'polynomial', 'constant'])
        .default('steps'),
    )
    .option('--power <p>', 'of the polynomial schedule', numberWithin(0.01, 100), 2)
    .option('--warmup-epochs <n>', 'rise of the learning rate from 0', numberWithin(0, 1e6), 0)
    .option('--margin-warmup-epochs <n>', 'rise of the margin from 0', numberWithin(0, 1e6), 0)
    .option('--mom <m>', 'momentum', numberWithin(0, 0.9999), 0.9)
    .option('--nesterov', "look ahead along the momentum (not the reference's)")
    .option('--wd <w>', 'weight decay', numberWithin(0, 1), 5e-4)
    .addOption(
      new Option('--decay <which>', "what decays: all parameters (the reference's), or weights only")
        .choices(['all', 'weights'])
        .default('all'),
    )
    .option('--clip-norm <n>', 'scale the gradient down to at most this norm', numberWithin(1e-9, 1e9))
    .option('--clip-value <n>', 'clip every number of the gradient to this size', numberWithin(1e-9, 1e9))
    .option('--no-mirror', 'never mirror images')
    .option('--shift <pixels>', 'largest random translation', wholeNumber(0, 512), 0)
    .option(
      '--color <share>',
      'largest random change of brightness, contrast and saturation',
      numberWithin(0, 1),
      0,
    )
    .option('--cutoff <pixels>', 'side of a grey square put on half of the images', wholeNumber(0, 1024), 0)
    .option(
      '--crop <share>',
      'largest share of each side that a random crop takes away',
      numberWithin(0, 0.9),
      0,
    )
    .option('--recompression <chance>', 'of compressing an image as JPEG once more', numberWithin(0, 1), 0)
    .option(
      '--checkpoint-every <steps>',
      'steps between checkpoints, beside the last (default: 2000)',
      wholeNumber(1),
    )
    .option('--checkpoint-epochs <n>', 'epochs between checkpoints; 0 for none', wholeNumber(0), 0)
    .option('--keep <n>', 'newest checkpoints that are kept, beside the best', wholeNumber(1), 3)
    .option(
      '--verify-every <steps>',
      'steps between verifications on the .bin files beside the data (default: 2000)',
      wholeNumber(1),
    )
    .option('--no-dynamics', "do not record each image's cosines, which `clean --rule aum` reads")
    .option(
      '--tensorboard [folder]',
      'also log for TensorBoard (default folder: tensorboard in the run folder)',
    )
    .option('--frequent <steps>', 'steps between reports on the sub-centres', wholeNumber(1), 20)
    .option('--resume', 'go on from the newest checkpoint in the run folder')
    .option('--overwrite', 'start anew in a run folder that has something in it; its checkpoints are lost');
  return withReferenceFlags(withComputeOptions(command));
}

/** Parts of a network, separated by commas; an empty list of a configuration file comes here as an empty text. */
function namedParts(text: string): string[] {
  if (text.trim() === '') return [];
  return text.split(',').map((part) => (part.trim() === 'all' ? '*' : part.trim()));
}

/** @throws {UsageError} for options that contradict each other */
export function trainOptionsOf(options: TrainCommandOptions): TrainOptions {
  if (options.epochs !== undefined && options.maxSteps !== undefined) {
    throw new UsageError('Give either --epochs or --max-steps.');
  }
  if (options.segments !== undefined && (options.ranks > 1 || options.syncBatchNorm)) {
    throw new UsageError(
      `--segments is for networks of one rank: it does not go with ${options.ranks > 1 ? '--ranks (ranks of --communicator mpi have it)' : '--sync-batch-norm'}.`,
    );
  }
  const jitter = options.color;
  return {
    duration: options.maxSteps === undefined ? { epochs: options.epochs ?? 18 } : { steps: options.maxSteps },
    batchSize: options.batchSize ?? 128,
    accumulate: options.accumulate,
    syncBatchNorm: options.syncBatchNorm === true,
    seed: options.seed,
    loss: lossOf(options),
    learningRate: options.lr,
    schedule: scheduleOf(options),
    warmup: options.warmupEpochs > 0 ? { epochs: options.warmupEpochs } : undefined,
    marginWarmup: options.marginWarmupEpochs > 0 ? { epochs: options.marginWarmupEpochs } : undefined,
    optimizer: {
      momentum: options.mom,
      weightDecay: options.wd,
      decay: options.decay,
      nesterov: options.nesterov === true,
      clipNorm: options.clipNorm,
      clipValue: options.clipValue,
    },
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
    frozen: options.freeze ?? [],
    dynamics: options.dynamics,
    checkpoints: {
      everySteps: options.checkpointEvery ?? 2000,
      everyEpochs: options.checkpointEpochs,
      keepLast: options.keep,
    },
  };
}

function scheduleOf({ schedule, power, lrSteps, lrEpochs }: TrainCommandOptions): LearningRateSchedule {
  if (lrSteps && lrEpochs) throw new UsageError('Give either --lr-steps or --lr-epochs.');
  if (schedule !== 'steps' && (lrSteps || lrEpochs)) {
    throw new UsageError(
      `${lrSteps ? '--lr-steps' : '--lr-epochs'} has no meaning with --schedule ${schedule}.`,
    );
  }
  if (schedule === 'polynomial') return { kind: schedule, power };
  if (schedule !== 'steps') return { kind: schedule };
  return { kind: 'steps', at: lrEpochs ? { epochs: lrEpochs } : { steps: lrSteps ?? LR_STEPS } };
}

/** K: the paper's where the loss has sub-centres. */
export function subcentersOf({ loss, subcenters }: TrainCommandOptions): number {
  if (MARGINS[loss]) return subcenters ?? 3;
  if (subcenters !== undefined && subcenters !== 1) {
    throw new UsageError(`--subcenters ${subcenters} has no meaning with --loss ${loss}, which has none.`);
  }
  return 1;
}

function lossOf({ loss, margin, scale }: TrainCommandOptions): TrainingLoss {
  const other = OTHER_LOSSES[loss];
  if (!other) return { kind: 'margin' };
  if (scale !== undefined) throw new UsageError(`--scale has no meaning with --loss ${loss}.`);
  if (margin === undefined) return other;
  if ('alpha' in other) return { ...other, alpha: margin };
  throw new UsageError(`--margin has no meaning with --loss ${loss}, which has none.`);
}

/** @throws {UsageError} for a margin where the loss has none, or two */
export function marginOf({ loss, margin, scale }: TrainCommandOptions): Margin {
  const own = MARGINS[loss];
  // The head of another loss is not asked for its margin.
  if (!own) return { m1: 1, m2: 0, m3: 0, s: 1 };
  const s = scale ?? own.s;
  if (margin === undefined) return { ...own, s };
  if (loss === 'arcface') return { ...own, m2: margin, s };
  if (loss === 'cosface') return { ...own, m3: margin, s };
  throw new UsageError(
    `--margin has no meaning with --loss ${loss}, which has ${loss === 'combined' ? 'two margins' : 'none'}.`,
  );
}

/**
 * The flags of the reference's `train_parall.py`, for scripts that have them: what means the same here is taken as it is, and what
 * cannot mean anything says what to give instead. Flags that have the same name on both sides are not here.
 */
import { basename, join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { numberWithin, wholeNumber } from '../../cli/option-values.ts';
import { UsageError } from '../../cli/usage-error.ts';
import type { TrainCommandOptions } from './training-settings.ts';

/** Where the reference's configuration has its datasets. */
const DATASETS: Readonly<Record<string, string>> = {
  emore: '../datasets/faces_emore',
  retina: '../datasets/ms1m-retinaface-t1',
};

export interface ReferenceFlags {
  readonly dataset?: string;
  readonly perBatchSize?: number;
  readonly verbose?: number;
  readonly ckpt?: number;
  readonly modelsRoot?: string;
  readonly extraModelName?: string;
  readonly pretrained?: string;
  readonly pretrainedEpoch: number;
  readonly flipNoiseProb: number;
}

export function withReferenceFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--dataset <name>',
        `like --data with the place of this dataset in the reference: ${describe()}`,
      ).choices(Object.keys(DATASETS)),
    )
    .option('--per-batch-size <n>', 'like --batch-size, of one rank', wholeNumber(1, 65536))
    .option('--verbose <steps>', 'like --verify-every and --checkpoint-every together', wholeNumber(1))
    .option(
      '--ckpt <n>',
      '1, 2 or 3: the newest checkpoints and the best are kept in any case',
      checkpointMode,
    )
    .option('--models-root <folder>', 'like --output FOLDER/network-loss-dataset')
    .option('--extra-model-name <name>', 'put behind the name below --models-root')
    .option('--pretrained <prefix>', 'like --init PREFIX,EPOCH')
    .option('--pretrained-epoch <n>', 'epoch of --pretrained', wholeNumber(0), 1)
    .option(
      '--flip-noise-prob <share>',
      'of images that get the label of another identity, to see what noise does',
      numberWithin(0, 1),
      0,
    )
    .addOption(unsupported('--kvstore <name>', 'Ranks of one machine are started with --ranks N.'))
    .addOption(unsupported('--worker-id <n>', 'Ranks of one machine are started with --ranks N.'));
}

function describe(): string {
  return Object.entries(DATASETS)
    .map(([name, path]) => `${name}: ${path}`)
    .join(', ');
}

function checkpointMode(text: string): number {
  if (['1', '2', '3'].includes(text)) return Number(text);
  throw new InvalidArgumentError(
    'Expected 1, 2 or 3: every run keeps its newest checkpoints and the best one, and goes on from them.',
  );
}

function unsupported(flags: string, instead: string): Option {
  return new Option(flags)
    .argParser(() => {
      throw new InvalidArgumentError(`The reference's flag has no meaning here. ${instead}`);
    })
    .hideHelp();
}

/**
 * The options with the reference's flags put into those that do their work.
 *
 * @throws {UsageError} when one thing is said twice
 */
export function withoutReferenceFlags(options: TrainCommandOptions, ranks: number): TrainCommandOptions {
  const once = <T>(
    ours: T | undefined,
    flag: string,
    theirs: T | undefined,
    theirFlag: string,
  ): T | undefined => {
    if (ours !== undefined && theirs !== undefined)
      throw new UsageError(`Give either ${flag} or ${theirFlag}.`);
    return ours ?? theirs;
  };
  const { dataset, perBatchSize, verbose, modelsRoot, pretrained, pretrainedEpoch } = options;
  const data = once(options.data, '--data', dataset && DATASETS[dataset], '--dataset');
  const name = [
    options.network ?? 'y1',
    options.loss,
    dataset ?? basename(data ?? ''),
    options.extraModelName,
  ];
  const folder = modelsRoot && join(modelsRoot, name.filter(Boolean).join('-'));
  if (options.extraModelName !== undefined && modelsRoot === undefined) {
    throw new UsageError('--extra-model-name names a folder below --models-root, which is missing.');
  }
  return {
    ...options,
    data,
    output: once(options.output, '--output', folder, '--models-root'),
    batchSize: once(
      options.batchSize,
      '--batch-size',
      perBatchSize && perBatchSize * ranks,
      '--per-batch-size',
    ),
    verifyEvery: once(options.verifyEvery, '--verify-every', verbose, '--verbose'),
    checkpointEvery: once(options.checkpointEvery, '--checkpoint-every', verbose, '--verbose'),
    init: once(options.init, '--init', pretrained && `${pretrained},${pretrainedEpoch}`, '--pretrained'),
  };
}

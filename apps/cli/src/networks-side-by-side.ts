/** `--beside`: more networks that look at every image, their embeddings beside those of the model. */
import { resolve } from 'node:path';
import type { FaceDataset } from '@arcface/recordio';
import { datasetFingerprint, sideBySide, TrainingError } from '@arcface/trainer';
import type { Command } from 'commander';
import type { CommandContext } from './cli/define-command.ts';
import { eachValue } from './cli/option-values.ts';
import { CommandError, UsageError } from './cli/usage-error.ts';
import { type Model, type ModelOptions, openModel } from './model.ts';
import type { OnnxModelOptions } from './onnx/onnx-embedder.ts';

export interface BesideOptions {
  readonly beside?: readonly string[];
}

export function withBesideOption(command: Command): Command {
  return command.option(
    '--beside <model>',
    'rules auto and self-trained: another network that judges with the model, such as the run before it; each has a vote. May be given several times',
    eachValue,
  );
}

/**
 * Opens the model that judges a dataset, or the several.
 *
 * @throws {UsageError} for a model that is named twice
 * @throws {CommandError} as `openModel`, and for networks that take images of different sizes
 */
export async function openJudges(
  name: string,
  dataset: FaceDataset,
  context: CommandContext,
  {
    beside = [],
    ...options
  }: ModelOptions & BesideOptions & Pick<OnnxModelOptions, 'threads'> & { readonly backend?: string },
): Promise<Model> {
  const names = [name, ...beside];
  const twice = names.find((each, i) => names.findIndex((other) => resolve(other) === resolve(each)) < i);
  if (twice !== undefined)
    throw new UsageError(`${twice} is named twice: --beside is for networks other than --model.`);
  const model = await openModel(name, context, { ...options, samples: dataset });
  if (beside.length === 0) return model;
  const { threads, backend, inputSize } = options;
  const models = [model];
  for (const other of beside) {
    // What is said of how an ONNX model is fed, or of what a file holds, is said of --model.
    const alike = {
      samples: dataset,
      ...(backend === undefined ? {} : { backend }),
      ...(threads === undefined ? {} : { threads }),
      ...(inputSize === undefined ? {} : { inputSize }),
    };
    models.push(await openModel(other, context, alike));
  }
  return asOne(models, dataset);
}

function asOne(models: readonly Model[], dataset: FaceDataset): Model {
  const [{ path }, ...beside] = models as [Model, ...Model[]];
  const { hash } = datasetFingerprint(dataset);
  // Only what was recorded of these very images is looked at.
  const recorded = models.find(({ trainedOn }) => trainedOn?.hash === hash);
  const feedings = models.map(({ feeding = '' }) => feeding);
  return {
    path,
    beside: beside.map((model) => model.path),
    backbone: joined(models),
    async close() {
      for (const model of models) await model.close?.();
    },
    subcentersPerIdentity: undefined,
    classOrder: 'position',
    trainedOn: recorded?.trainedOn,
    checkpoints: recorded?.checkpoints,
    leftOf: models.find(({ leftOf }) => leftOf === hash)?.leftOf,
    feeding: feedings.some((feeding) => feeding !== '') ? feedings.join(' | ') : undefined,
    hasSubcenters: false,
    subcenters() {
      throw new CommandError(
        'Networks side by side have no sub-centres in common. Judge with --rule auto or --rule self-trained, without --k, or leave out --beside.',
      );
    },
  };
}

function joined(models: readonly Model[]): Model['backbone'] {
  try {
    return sideBySide(models.map(({ backbone }) => backbone));
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
    throw new CommandError(`--beside: ${error.message}`, { cause: error });
  }
}

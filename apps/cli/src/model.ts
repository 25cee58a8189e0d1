/** `MODEL` as the user names it: a run folder, a checkpoint of ours, or a checkpoint of MXNet. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Backbone, backboneFromMxnet, parseNdArrays } from '@arcface/backbones';
import {
  assembleSubcenters,
  type ClassOrder,
  type SubcenterShard,
  type SubcenterWeights,
} from '@arcface/cleaner';
import {
  backboneFromCheckpoint,
  type Checkpoint,
  checkpointSubcenters,
  type DatasetFingerprint,
  decodeCheckpoint,
  latestCheckpoint,
} from '@arcface/trainer';
import { FileCheckpointStore } from '@arcface/trainer/node';
import type { CommandContext } from './cli/define-command.ts';
import { CommandError } from './cli/usage-error.ts';

/** A network with, usually, the sub-centres that it was trained with. */
export interface Model {
  /** What it was read from. */
  readonly path: string;
  readonly backbone: Backbone;
  /** Sub-centres an identity, where the file says. */
  readonly subcentersPerIdentity: number | undefined;
  /** The order in which the model's own training put its classes. */
  readonly classOrder: ClassOrder;
  /** The dataset it was trained on, where the file says. */
  readonly trainedOn?: DatasetFingerprint | undefined;
  /** Folder of the run's checkpoints, for a model that is a run. */
  readonly checkpoints?: string | undefined;
  /** Whether the model was saved with sub-centres. */
  readonly hasSubcenters: boolean;
  /** @throws {CommandError} when the model was saved without sub-centres; CleanerError when they do not fit K */
  subcenters(options: { readonly k: number; readonly classOrder: ClassOrder }): SubcenterWeights;
}

/** Folder of the checkpoints in a run folder. */
export const CHECKPOINTS = 'checkpoints';

/**
 * Reads a model.
 *
 * @throws {CommandError} naming what was expected where, when there is no model
 */
export async function openModel(name: string, context: CommandContext): Promise<Model> {
  const mxnet = /^(.+),(\d{1,9})$/.exec(name);
  if (mxnet) return openMxnetModel(mxnet[1]!, Number(mxnet[2]));
  const info = await stat(name).catch(() => undefined);
  if (info === undefined) {
    throw new CommandError(
      `There is no model ${name}. Expected a run folder, a .safetensors checkpoint, or PREFIX,EPOCH for MXNet's PREFIX-symbol.json and PREFIX-EPOCH.params.`,
    );
  }
  if (info.isDirectory()) return openRun(name, context);
  if (name.endsWith('.safetensors')) {
    return modelOfCheckpoint(await decodeCheckpoint(await readFile(name), name), name);
  }
  if (name.endsWith('.onnx')) {
    throw new CommandError(
      `${name}: ONNX files are not read as models by this version. Give a run folder, a .safetensors checkpoint, or PREFIX,EPOCH.`,
    );
  }
  throw new CommandError(
    `${name} is not a model that can be read: expected a run folder, a .safetensors checkpoint of this program, or PREFIX,EPOCH.`,
  );
}

async function openRun(folder: string, { console }: CommandContext): Promise<Model> {
  const directory = existsSync(join(folder, CHECKPOINTS)) ? join(folder, CHECKPOINTS) : folder;
  const latest = await latestCheckpoint(new FileCheckpointStore(directory));
  if (latest === undefined) {
    throw new CommandError(
      `The folder ${folder} holds no checkpoint (step-*.safetensors). Was the run stopped before its first one?`,
    );
  }
  for (const { reason } of latest.damaged) console.warn(`${reason} The one before it is used.`);
  return { ...modelOfCheckpoint(latest.checkpoint, join(directory, latest.name)), checkpoints: directory };
}

function modelOfCheckpoint(checkpoint: Checkpoint, path: string): Model {
  const backbone = backboneFromCheckpoint(checkpoint);
  return {
    path,
    backbone,
    subcentersPerIdentity: checkpoint.head.subcenters,
    trainedOn: checkpoint.data,
    // `arcface train` numbers the identities as the dataset lists them.
    classOrder: 'position',
    hasSubcenters: true,
    subcenters({ k, classOrder }) {
      const head = checkpointSubcenters(checkpoint);
      if (k !== head.subcenters) {
        throw new CommandError(
          `${path} was trained with ${head.subcenters} sub-centres an identity, not ${k}. Leave out --k, or give ${head.subcenters}.`,
        );
      }
      return { weights: head.weights, subcenters: k, dimensions: head.dimensions, classOrder };
    },
  };
}

async function openMxnetModel(prefix: string, epoch: number): Promise<Model> {
  const symbolPath = `${prefix}-symbol.json`;
  const paramsPath = `${prefix}-${String(epoch).padStart(4, '0')}.params`;
  // One after the other: of two missing files the first is named, at every run.
  const symbol = await readModelFile(symbolPath);
  const params = await readModelFile(paramsPath);
  const backbone = backboneFromMxnet({ symbol: Buffer.from(symbol).toString('utf8'), params });
  const shards = parseNdArrays(params).arrays.flatMap((array): SubcenterShard[] => {
    const name = array.name.replace(/^arg:/, '');
    if (!/^fc7(_\d+)?_weight$/.test(name) || !(array.data instanceof Float32Array)) return [];
    return [{ name: name === 'fc7_weight' ? 'fc7_0_weight' : name, shape: array.shape, data: array.data }];
  });
  return {
    path: paramsPath,
    backbone,
    subcentersPerIdentity: undefined,
    // The reference trains with the labels themselves.
    classOrder: 'label',
    hasSubcenters: shards.length > 0,
    subcenters({ k, classOrder }) {
      if (shards.length === 0) {
        throw new CommandError(
          `${paramsPath} has no sub-centres: expected arrays fc7_0_weight, fc7_1_weight, ... of shape [classes * K, ${backbone.embeddingSize}]. ` +
            'The reference saves them only with ckpt_embedding=False; `arcface train` always does.',
        );
      }
      return assembleSubcenters(shards, { subcenters: k, classOrder });
    },
  };
}

async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    const file = await readFile(path);
    return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  } catch (error) {
    throw new CommandError(`A file of the MXNet checkpoint cannot be read: ${(error as Error).message}`);
  }
}

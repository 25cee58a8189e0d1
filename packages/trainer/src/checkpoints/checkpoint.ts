/**
 * A checkpoint: one safetensors file with everything a run needs to go on as if it had never stopped. Tensors have the
 * reference's names and shapes:
 *
 * | tensor | what |
 * |---|---|
 * | `arg:<name>`, `aux:<name>` | the network's parameters and running averages |
 * | `head:fc7_0_weight` | sub-centres, [classes * K, D] |
 * | `momentum:<name>` | the optimiser's momentum for a parameter, in that parameter's shape |
 *
 * and the rest is in the file's metadata, as strings. Any reader of safetensors can open it. There is no state of a
 * random generator in it: all randomness is a function of the seed and the place in the run.
 *
 * Two SHA-256 digests, one of the tensors and one of the header, tell a good file from one that was cut short or altered.
 */
import {
  type NamedArray,
  type NetworkGraph,
  parseSafetensors,
  serializeSafetensors,
} from '@arcface/backbones';
import type { Margin } from '@arcface/subcenter-loss';
import type { DatasetFingerprint } from '../data/dataset-fingerprint.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';
import { messageOf, TrainingError } from '../training-error.ts';
import { brokenSeal, seal, UNSEALED } from './checkpoint-seal.ts';
import { type CheckpointStore, listCheckpoints } from './checkpoint-store.ts';

const FORMAT = 'arcface-checkpoint';
const VERSION = 1;

/** Where a run stands. */
export interface TrainingProgress {
  /** Steps done. */
  readonly step: number;
  /** The epoch that the next batch belongs to, from 0. */
  readonly epoch: number;
  /** Images of that epoch's order that have been consumed. */
  readonly position: number;
  /** Number of the next batch in that epoch, from 0. */
  readonly batch: number;
}

/** The head's shape and its full margin. */
export interface HeadConfig {
  readonly classes: number;
  readonly subcenters: number;
  readonly embeddingSize: number;
  readonly margin: Margin;
}

/** The best evaluation so far and the checkpoint that holds its weights. */
export interface BestCheckpoint {
  readonly name: string;
  /** Which of the metrics was compared: higher is better. */
  readonly metric: string;
  readonly value: number;
}

/** Everything that is in a checkpoint's file. */
export interface Checkpoint {
  readonly network: { readonly name: string; readonly graph: NetworkGraph };
  readonly head: HeadConfig;
  readonly progress: TrainingProgress;
  readonly options: ResolvedTrainOptions;
  readonly data: DatasetFingerprint;
  /** The last step's loss and what the last evaluation measured. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly best?: BestCheckpoint | undefined;
  /** What wrote it: the backend, for example. For information only. */
  readonly versions: Readonly<Record<string, string>>;
  readonly tensors: readonly NamedArray[];
}

/** The bytes of a checkpoint's file. */
export async function encodeCheckpoint(checkpoint: Checkpoint): Promise<Uint8Array> {
  const { progress, options } = checkpoint;
  const metadata: Record<string, string> = {
    format: FORMAT,
    version: String(VERSION),
    step: String(progress.step),
    epoch: String(progress.epoch),
    position: String(progress.position),
    batch: String(progress.batch),
    config: JSON.stringify(options),
    rng: JSON.stringify({ seed: options.seed }),
    network: JSON.stringify(checkpoint.network),
    head: JSON.stringify(checkpoint.head),
    data: JSON.stringify(checkpoint.data),
    metrics: JSON.stringify(checkpoint.metrics),
    best: JSON.stringify(checkpoint.best ?? null),
    versions: JSON.stringify(checkpoint.versions),
    ...UNSEALED,
  };
  const bytes = serializeSafetensors({ tensors: [...checkpoint.tensors], metadata });
  await seal(bytes);
  return bytes;
}

/**
 * Reads a checkpoint and checks that it is whole.
 *
 * @param name what to call it in errors, such as its file name
 * @throws {TrainingError} `checkpoint-damaged` for anything that is not a whole checkpoint; `checkpoint-version` for one
 *   from a later version of this package
 */
export async function decodeCheckpoint(bytes: Uint8Array, name = 'the checkpoint'): Promise<Checkpoint> {
  const damaged = (what: string, cause?: unknown): TrainingError =>
    new TrainingError('checkpoint-damaged', `${name} is not a whole checkpoint: ${what}.`, { cause });
  let parsed: ReturnType<typeof parseSafetensors>;
  try {
    parsed = parseSafetensors(bytes);
  } catch (error) {
    throw damaged(messageOf(error), error);
  }
  const { tensors, metadata } = parsed;
  if (metadata.format !== FORMAT) {
    throw damaged(`its metadata says format "${metadata.format ?? 'nothing'}", expected "${FORMAT}"`);
  }
  const broken = await brokenSeal(bytes, metadata);
  if (broken) throw damaged(`the SHA-256 of its ${broken} does not match`);
  if (Number(metadata.version) > VERSION) {
    throw new TrainingError(
      'checkpoint-version',
      `${name} has format version ${metadata.version}; this program reads up to ${VERSION}. Update it to go on.`,
    );
  }
  try {
    return { ...parseMetadata(metadata), tensors };
  } catch (error) {
    throw damaged(messageOf(error), error);
  }
}

function parseMetadata(metadata: Readonly<Record<string, string>>): Omit<Checkpoint, 'tensors'> {
  const field = (name: string): string => {
    const value = metadata[name];
    if (value === undefined) throw new Error(`its metadata lacks "${name}"`);
    return value;
  };
  const whole = (name: string): number => {
    const value = Number(field(name));
    if (!Number.isSafeInteger(value) || value < 0)
      throw new Error(`"${name}" is "${field(name)}", not a count`);
    return value;
  };
  return {
    network: JSON.parse(field('network')),
    head: JSON.parse(field('head')),
    progress: {
      step: whole('step'),
      epoch: whole('epoch'),
      position: whole('position'),
      batch: whole('batch'),
    },
    options: JSON.parse(field('config')),
    data: JSON.parse(field('data')),
    metrics: JSON.parse(field('metrics')),
    best: JSON.parse(field('best')) ?? undefined,
    versions: JSON.parse(field('versions')),
  };
}

/** A checkpoint that was passed over because it is damaged. */
export interface DamagedCheckpoint {
  readonly name: string;
  readonly reason: string;
}

/** A whole checkpoint, its name, and newer ones that turned out to be damaged. */
export interface LatestCheckpoint {
  readonly name: string;
  readonly checkpoint: Checkpoint;
  readonly damaged: readonly DamagedCheckpoint[];
}

/**
 * The newest whole checkpoint of a store, or undefined if it holds none at all.
 *
 * @throws {TrainingError} `checkpoint-damaged` when there are checkpoints, but every one is damaged; an I/O error or a
 *   `checkpoint-version` error is passed on: those do not say that an older one should be used
 */
export async function latestCheckpoint(store: CheckpointStore): Promise<LatestCheckpoint | undefined> {
  const names = await listCheckpoints(store);
  const damaged: DamagedCheckpoint[] = [];
  for (const name of names.toReversed()) {
    const bytes = await store.read(name);
    try {
      return { name, checkpoint: await decodeCheckpoint(bytes, name), damaged };
    } catch (error) {
      if (!(error instanceof TrainingError) || error.code !== 'checkpoint-damaged') throw error;
      damaged.push({ name, reason: error.message });
    }
  }
  if (damaged.length === 0) return undefined;
  throw new TrainingError(
    'checkpoint-damaged',
    `All ${damaged.length} checkpoints are damaged: ${damaged.map(({ reason }) => reason).join(' ')}`,
  );
}

/**
 * A checkpoint: one safetensors file with everything a run needs to go on as if it had never stopped. Tensors have the
 * reference's names and shapes:
 *
 * | tensor | what |
 * |---|---|
 * | `arg:<name>`, `aux:<name>` | the network's parameters and running averages |
 * | `head:fc7_0_weight` | sub-centres, [classes * K, D] |
 * | `momentum:<name>` | the optimiser's momentum for a parameter, in that parameter's shape |
 * | `dynamics:<name>` | in the middle of an epoch: what has been seen of its images (see `EpochDynamics`) |
 * | `sha256` | the seal, by which a file that was cut short or altered is told from a good one (`piece-seal.ts`) |
 *
 * and the rest is in the file's metadata, as strings. Any reader of safetensors can open it. There is no state of a
 * random generator in it: all randomness is a function of the seed and the place in the run.
 *
 * It is written front to back in pieces, none of which is large, and read tensor by tensor (`stored-checkpoint.ts`): a file may be
 * larger than an array of bytes, or than memory.
 */
import {
  ELEMENT_BYTES,
  elementCount,
  type NamedArray,
  type NetworkGraph,
  parseNetworkGraph,
  serializeSafetensorsHeader,
} from '@arcface/backbones';
import type { Margin, PastPi } from '@arcface/subcenter-loss';
import type { DatasetFingerprint } from '../data/dataset-fingerprint.ts';
import type { ResolvedTrainOptions } from '../training/train-options.ts';
import { type BlobPieces, joinedPieces } from './checkpoint-store.ts';
import { sealedPieces, sealTensor } from './piece-seal.ts';
import { asPieces, bytesOfTensors, type TensorPieces } from './tensor-pieces.ts';

/** `format` in the metadata. */
export const CHECKPOINT_FORMAT = 'arcface-checkpoint';
/** The newest format that is read, and the one that is written. Version 1 had another seal (`whole-file-seal.ts`). */
export const CHECKPOINT_VERSION = 2;

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

/** The head's shape, its full margin, and what else its loss has, where it is not as usual. */
export interface HeadConfig {
  readonly classes: number;
  readonly subcenters: number;
  readonly embeddingSize: number;
  readonly margin: Margin;
  readonly pastPi?: PastPi | undefined;
  /** A hash of the margins that the classes have, by which others are noticed: their numbers may be many. */
  readonly classMargins?: string | undefined;
  readonly interClassFilter?: number | undefined;
}

/** The best evaluation so far and the checkpoint that holds its weights. */
export interface BestCheckpoint {
  readonly name: string;
  /** Which of the metrics was compared: higher is better. */
  readonly metric: string;
  readonly value: number;
}

/** Everything in a checkpoint's file but its tensors. */
export interface CheckpointState {
  readonly network: { readonly name: string; readonly graph: NetworkGraph };
  readonly head: HeadConfig;
  readonly progress: TrainingProgress;
  readonly options: ResolvedTrainOptions;
  readonly data: DatasetFingerprint;
  /** The last step's loss and what the last evaluation measured. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Whether these weights were to be evaluated when the run was interrupted: it is the first thing that a run does which goes on. */
  readonly evaluationPending?: boolean | undefined;
  readonly best?: BestCheckpoint | undefined;
  /** What wrote it: the backend, for example. For information only. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Everything that is in a checkpoint's file. */
export interface Checkpoint extends CheckpointState {
  readonly tensors: readonly NamedArray[];
}

/** A checkpoint's file, piece by piece: tensors are asked for their values when it is their turn. */
export function checkpointFile(
  checkpoint: CheckpointState & { readonly tensors: readonly TensorPieces[] },
): BlobPieces {
  // Wider elements first, so that all are aligned.
  const tensors = checkpoint.tensors.toSorted((a, b) => ELEMENT_BYTES[b.dtype] - ELEMENT_BYTES[a.dtype]);
  const valueBytes = tensors.reduce(
    (sum, { shape, dtype }) => sum + elementCount(shape) * ELEMENT_BYTES[dtype],
    0,
  );
  const seal = sealTensor(valueBytes);
  const header = serializeSafetensorsHeader([...tensors, seal], metadataOf(checkpoint));
  return {
    byteLength: header.length + valueBytes + elementCount(seal.shape),
    pieces: sealedPieces(header, bytesOfTensors(tensors), valueBytes),
  };
}

/** The bytes of a checkpoint's file. */
export async function encodeCheckpoint(checkpoint: Checkpoint): Promise<Uint8Array> {
  const tensors = checkpoint.tensors.map(asPieces);
  return joinedPieces(checkpointFile({ ...checkpoint, tensors }));
}

function metadataOf(state: CheckpointState): Record<string, string> {
  const { progress, options } = state;
  return {
    format: CHECKPOINT_FORMAT,
    version: String(CHECKPOINT_VERSION),
    step: String(progress.step),
    epoch: String(progress.epoch),
    position: String(progress.position),
    batch: String(progress.batch),
    config: JSON.stringify(options),
    rng: JSON.stringify({ seed: options.seed }),
    network: JSON.stringify(state.network),
    head: JSON.stringify(state.head),
    data: JSON.stringify(state.data),
    metrics: JSON.stringify(state.metrics),
    ...(state.evaluationPending && { evaluation: 'pending' }),
    best: JSON.stringify(state.best ?? null),
    versions: JSON.stringify(state.versions),
  };
}

/**
 * What a file's metadata say.
 *
 * @throws {Error} saying what of it cannot be
 */
export function parseCheckpointMetadata(metadata: Readonly<Record<string, string>>): CheckpointState {
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
  const record = <T extends object>(name: string): T => {
    const value: unknown = JSON.parse(field(name));
    if (!isRecord(value)) throw new Error(`"${name}" is not an object`);
    return value as T;
  };
  const network = record<CheckpointState['network']>('network');
  return {
    network: { ...network, graph: parseNetworkGraph(network.graph) },
    head: checkedHead(record('head')),
    progress: {
      step: whole('step'),
      epoch: whole('epoch'),
      position: whole('position'),
      batch: whole('batch'),
    },
    options: record('config'),
    data: record('data'),
    metrics: record('metrics'),
    evaluationPending: metadata.evaluation === 'pending',
    best: field('best') === 'null' ? undefined : record('best'),
    versions: record('versions'),
  };
}

function checkedHead(head: HeadConfig): HeadConfig {
  for (const name of ['classes', 'subcenters', 'embeddingSize'] as const) {
    if (!Number.isSafeInteger(head[name]) || head[name] < 1)
      throw new Error(`"head" has ${String(head[name])} as ${name}`);
  }
  if (!isRecord(head.margin)) throw new Error('"head" has no margin');
  return head;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

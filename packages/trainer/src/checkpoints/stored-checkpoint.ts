/**
 * Checkpoints as they are read: from a file that is open, tensor by tensor and in rows, or all at once. A file's header is compared with its
 * seal when it is opened, and the values of a tensor when they are read.
 */
import {
  ELEMENT_BYTES,
  parseSafetensors,
  readSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
  type TypedArray,
  valuesOfBuffer,
} from '@arcface/backbones';
import { type ByteSource, memorySource } from '@arcface/recordio';
import { messageOf, TrainingError } from '../training-error.ts';
import {
  CHECKPOINT_FORMAT,
  CHECKPOINT_VERSION,
  type Checkpoint,
  type CheckpointState,
  parseCheckpointMetadata,
} from './checkpoint.ts';
import { type CheckpointStore, listCheckpoints, openBlob } from './checkpoint-store.ts';
import { SEAL_TENSOR, SealedValues } from './piece-seal.ts';
import { loadTensors, type StoredTensor } from './tensor-pieces.ts';
import { brokenWholeFileSeal, hasWholeFileSeal } from './whole-file-seal.ts';

/** A checkpoint whose tensors are still in its file. */
export interface StoredCheckpoint extends CheckpointState {
  readonly tensors: readonly StoredTensor[];
}

type Damaged = (what: string, cause?: unknown) => TrainingError;

/**
 * Opens a checkpoint's file. The source must stay open for as long as tensors are read.
 *
 * @param name what to call it in errors, such as its file name
 * @throws {TrainingError} `checkpoint-damaged` for anything that is not a whole checkpoint; `checkpoint-version` for one
 *   from a later version of this package; errors of the source are passed on
 */
export async function openCheckpoint(source: ByteSource, name = 'the checkpoint'): Promise<StoredCheckpoint> {
  const damaged: Damaged = (what, cause) =>
    new TrainingError('checkpoint-damaged', `${name} is not a whole checkpoint: ${what}.`, { cause });
  const header = await headerOf(source, damaged);
  const { metadata } = header;
  if (metadata.format !== CHECKPOINT_FORMAT) {
    throw damaged(
      `its metadata says format "${metadata.format ?? 'nothing'}", expected "${CHECKPOINT_FORMAT}"`,
    );
  }
  // What is sealed in a way that is known here is compared first: a version that is too high may be a damaged one.
  const tensors = hasWholeFileSeal(metadata)
    ? await wholeTensors(source, metadata, damaged)
    : await sealedTensors(source, header, { name, damaged });
  checkVersion(metadata, name);
  try {
    return { ...parseCheckpointMetadata(metadata), tensors };
  } catch (error) {
    throw damaged(messageOf(error), error);
  }
}

async function headerOf(source: ByteSource, damaged: Damaged): Promise<SafetensorsHeader> {
  let failure: { readonly error: unknown } | undefined;
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    try {
      return await source.read(start, end);
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  try {
    return await readSafetensorsHeader(read, source.byteLength);
  } catch (error) {
    // A disk that cannot be read does not say that an older checkpoint should be used.
    if (failure) throw failure.error;
    throw damaged(messageOf(error), error);
  }
}

/** The tensors of a file of version 1: its seal is of all of it, so all of it is read. */
async function wholeTensors(
  source: ByteSource,
  metadata: Readonly<Record<string, string>>,
  damaged: Damaged,
): Promise<StoredTensor[]> {
  const bytes = await source.read(0, source.byteLength);
  const broken = await brokenWholeFileSeal(bytes, metadata);
  if (broken) throw damaged(`the SHA-256 of its ${broken} does not match`);
  return parseSafetensors(bytes).tensors.map(({ data, ...tensor }) => ({
    ...tensor,
    read: async (from = 0, to = tensor.shape[0] ?? 1) => {
      const row = rowLength(tensor.shape);
      return data.slice(from * row, to * row);
    },
  }));
}

async function sealedTensors(
  source: ByteSource,
  header: SafetensorsHeader,
  { name, damaged }: { readonly name: string; readonly damaged: Damaged },
): Promise<StoredTensor[]> {
  if (!header.tensors.some((tensor) => tensor.name === SEAL_TENSOR)) checkVersion(header.metadata, name);
  const values = await SealedValues.open(source, header, damaged);
  return header.tensors
    .filter((tensor) => tensor.name !== SEAL_TENSOR)
    .map((tensor) => storedTensor(tensor, values));
}

function storedTensor({ name, dtype, shape, start }: SafetensorsEntry, values: SealedValues): StoredTensor {
  return {
    name,
    dtype,
    shape,
    async read(from = 0, to = shape[0] ?? 1): Promise<TypedArray> {
      const row = rowLength(shape) * ELEMENT_BYTES[dtype];
      return valuesOfBuffer(await values.read(start + from * row, start + to * row), dtype);
    },
  };
}

/** Elements of a row: of what has the same first index. */
function rowLength(shape: readonly number[]): number {
  return shape.slice(1).reduce((product, size) => product * size, 1);
}

function checkVersion({ version }: Readonly<Record<string, string>>, name: string): void {
  if (!(Number(version) > CHECKPOINT_VERSION)) return;
  throw new TrainingError(
    'checkpoint-version',
    `${name} has format version ${version}; this program reads up to ${CHECKPOINT_VERSION}. Update it to go on.`,
  );
}

/**
 * Reads a checkpoint that is open into memory.
 *
 * @param isWanted which of its tensors, by name. Default: all
 * @throws {TrainingError} `checkpoint-damaged`; errors of the source are passed on
 */
export async function loadCheckpoint(
  checkpoint: StoredCheckpoint,
  isWanted?: (name: string) => boolean,
): Promise<Checkpoint> {
  return { ...checkpoint, tensors: await loadTensors(checkpoint.tensors, isWanted) };
}

/**
 * Reads a checkpoint and checks that it is whole.
 *
 * @param name what to call it in errors, such as its file name
 * @throws {TrainingError} `checkpoint-damaged`, `checkpoint-version`, as {@link openCheckpoint}
 */
export async function decodeCheckpoint(bytes: Uint8Array, name?: string): Promise<Checkpoint> {
  return loadCheckpoint(await openCheckpoint(memorySource(bytes), name));
}

/** A checkpoint that was passed over because it is damaged. */
export interface DamagedCheckpoint {
  readonly name: string;
  readonly reason: string;
}

/** What was made of a whole checkpoint, its name, and newer ones that turned out to be damaged. */
interface Used<T> {
  readonly name: string;
  readonly result: T;
  readonly damaged: readonly DamagedCheckpoint[];
}

/**
 * Gives the newest checkpoint of a store to `use`; where that comes upon damage in reading it, the one before it.
 *
 * @returns undefined if the store holds none at all
 * @throws {TrainingError} `checkpoint-damaged` when there are checkpoints, but every one is damaged; whatever else `use` throws
 */
export async function useLatestCheckpoint<T>(
  store: CheckpointStore,
  use: (checkpoint: StoredCheckpoint, name: string) => Promise<T>,
): Promise<Used<T> | undefined> {
  const names = await listCheckpoints(store);
  const damaged: DamagedCheckpoint[] = [];
  for (const name of names.toReversed()) {
    const blob = await openBlob(store, name);
    try {
      return { name, result: await use(await openCheckpoint(blob, name), name), damaged };
    } catch (error) {
      if (!(error instanceof TrainingError) || error.code !== 'checkpoint-damaged') throw error;
      damaged.push({ name, reason: error.message });
    } finally {
      await blob.close();
    }
  }
  if (damaged.length === 0) return undefined;
  throw new TrainingError(
    'checkpoint-damaged',
    `All ${damaged.length} checkpoints are damaged: ${damaged.map(({ reason }) => reason).join(' ')}`,
  );
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
 * @param isWanted which of its tensors are read, by name: damage to others is not noticed. Default: all
 * @throws {TrainingError} `checkpoint-damaged` when there are checkpoints, but every one is damaged; an I/O error or a
 *   `checkpoint-version` error is passed on: those do not say that an older one should be used
 */
export async function latestCheckpoint(
  store: CheckpointStore,
  isWanted?: (name: string) => boolean,
): Promise<LatestCheckpoint | undefined> {
  const latest = await useLatestCheckpoint(store, (checkpoint) => loadCheckpoint(checkpoint, isWanted));
  return latest && { name: latest.name, checkpoint: latest.result, damaged: latest.damaged };
}

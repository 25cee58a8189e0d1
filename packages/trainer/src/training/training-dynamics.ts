/**
 * What a run saw of every image in one epoch, as one safetensors file an epoch, written into the store beside the checkpoints: a
 * network that has learned wrong labels by heart no longer shows them, but the order in which it learned still does
 * (`withTrainingMargins` of `@arcface/cleaner`).
 *
 * | tensor | what |
 * |---|---|
 * | `own` | float32 or float16 [N]: cosine, without margin, to the nearest sub-centre of the image's own class |
 * | `other` | float32 or float16 [N]: cosine to the nearest sub-centre of any other class |
 * | `nearest` | uint8 [N]: which of its own sub-centres is nearest |
 *
 * Rows are in data order, whatever the order of training was; an image that no batch of the epoch had (the last partial batch, one
 * that cannot be decoded) has NaN in `own` and `other`. Metadata: `format`, `version`, `epoch`, and `data`, the dataset's
 * fingerprint as JSON. What a run has seen of an epoch in the middle of which it stops is in its checkpoint, and the rest
 * follows when it goes on.
 */
import { type NamedArray, parseSafetensors, serializeSafetensors, toFloat32 } from '@arcface/backbones';
import type { CheckpointStore } from '../checkpoints/checkpoint-store.ts';
import type { DatasetFingerprint } from '../data/dataset-fingerprint.ts';
import { messageOf, TrainingError } from '../training-error.ts';

const FORMAT = 'arcface-dynamics';
const VERSION = 1;

/** One epoch of a run; arrays have an entry for every image of the dataset, in data order. */
export interface EpochDynamics {
  /** From 0. */
  readonly epoch: number;
  readonly data: DatasetFingerprint;
  /** NaN where the epoch left the image out. */
  readonly own: Float32Array;
  /** NaN where the epoch left the image out. */
  readonly other: Float32Array;
  readonly nearest: Uint8Array;
}

/** Names of the files of epochs. */
export const EPOCH_DYNAMICS = /^dynamics-\d{6}\.safetensors$/;

/** `dynamics-000003.safetensors`: sorted by name is sorted by epoch. */
export function epochDynamicsFileName(epoch: number): string {
  return `dynamics-${String(epoch).padStart(6, '0')}.safetensors`;
}

/** Names of the recorded epochs in a store, first to last; other files are ignored. */
export async function listEpochDynamics(store: Pick<CheckpointStore, 'list'>): Promise<string[]> {
  return (await store.list()).filter((name) => EPOCH_DYNAMICS.test(name)).sort();
}

export function encodeEpochDynamics({ epoch, data, own, other, nearest }: EpochDynamics): Uint8Array {
  const row = (name: string, dtype: 'float32' | 'uint8', values: Float32Array | Uint8Array): NamedArray => ({
    name,
    dtype,
    shape: [values.length],
    data: values,
  });
  return serializeSafetensors({
    tensors: [row('own', 'float32', own), row('other', 'float32', other), row('nearest', 'uint8', nearest)],
    metadata: { format: FORMAT, version: String(VERSION), epoch: String(epoch), data: JSON.stringify(data) },
  });
}

/**
 * @param name what to call it in errors, such as its file name
 * @throws {TrainingError} `checkpoint-damaged` for anything that is not a whole file of this kind; `checkpoint-version`
 */
export function decodeEpochDynamics(bytes: Uint8Array, name = 'the file'): EpochDynamics {
  const damaged = (what: string, cause?: unknown): TrainingError =>
    new TrainingError('checkpoint-damaged', `${name} is not a whole record of an epoch: ${what}.`, { cause });
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
  if (Number(metadata.version) > VERSION) {
    throw new TrainingError(
      'checkpoint-version',
      `${name} has format version ${metadata.version}; this program reads up to ${VERSION}. Update it to go on.`,
    );
  }
  const epoch = metadata.epoch ? Number(metadata.epoch) : Number.NaN;
  if (!Number.isSafeInteger(epoch) || epoch < 0) throw damaged(`its metadata says epoch "${metadata.epoch}"`);
  const data = fingerprintOf(metadata.data);
  if (!data) throw damaged('its metadata does not say what data it is of');
  const column = (wanted: string): NamedArray => {
    const tensor = tensors.find((each) => each.name === wanted);
    if (tensor?.shape.length !== 1 || tensor.shape[0] !== data.images) {
      throw damaged(
        `tensor "${wanted}" must have ${data.images} values, found ${tensor ? `[${tensor.shape.join(', ')}]` : 'none'}`,
      );
    }
    return tensor;
  };
  const nearest = column('nearest');
  if (!(nearest.data instanceof Uint8Array)) throw damaged('tensor "nearest" must be uint8');
  const cosines = (wanted: string): Float32Array => {
    const tensor = column(wanted);
    if (tensor.dtype !== 'float32' && tensor.dtype !== 'float16') {
      throw damaged(`tensor "${wanted}" must be float32 or float16, found ${tensor.dtype}`);
    }
    return toFloat32(tensor);
  };
  return {
    epoch,
    data,
    own: cosines('own'),
    other: cosines('other'),
    nearest: nearest.data,
  };
}

/** Undefined for what is none. */
function fingerprintOf(text = ''): DatasetFingerprint | undefined {
  try {
    const value = JSON.parse(text) as Partial<DatasetFingerprint> | null;
    return Number.isSafeInteger(value?.images) ? (value as DatasetFingerprint) : undefined;
  } catch {
    return undefined;
  }
}

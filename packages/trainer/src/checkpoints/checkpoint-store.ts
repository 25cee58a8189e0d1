/**
 * Where checkpoints are kept: a folder, a browser's private file system, memory. A store only has to write a file whole
 * or not at all; everything else (which are good, which may go) is decided here, for all stores alike.
 */
import { type ByteSource, memorySource } from '@arcface/recordio';

/** Named blobs. `@arcface/trainer/node` has the one for folders. */
export interface CheckpointStore {
  /** Names of all blobs, in any order. */
  list(): Promise<readonly string[]>;
  read(name: string): Promise<Uint8Array>;
  /** Writes all of it or nothing: after a crash at any moment, `read` gives the old bytes or the new ones. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Removes a blob; none of that name is not an error. */
  remove(name: string): Promise<void>;
  /** Opens a blob of which parts are to be read. Default: what `read` gives. */
  open?(name: string): Promise<OpenBlob>;
  /**
   * As `write`, for bytes that become known piece by piece; an error of the pieces is passed on as it is. Default: they are joined for
   * `write`, which takes as many as an array can have: 4 GiB.
   */
  writePieces?(name: string, blob: BlobPieces): Promise<void>;
}

/** The bytes of a blob to be written, cut anywhere; they can be gone through once, and a piece is no longer there when the next is asked for. */
export interface BlobPieces {
  readonly byteLength: number;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** A blob that can be read in parts, until it is closed. */
export interface OpenBlob extends ByteSource {
  close(): Promise<void>;
}

/** Opens a blob of any store. */
export async function openBlob(store: CheckpointStore, name: string): Promise<OpenBlob> {
  if (store.open) return store.open(name);
  return { ...memorySource(await store.read(name)), close: async () => {} };
}

/** Writes a blob into any store. */
export async function writeBlob(store: CheckpointStore, name: string, blob: BlobPieces): Promise<void> {
  if (store.writePieces) return store.writePieces(name, blob);
  await store.write(name, await joinedPieces(blob));
}

/** The pieces as one array. */
export async function joinedPieces({ byteLength, pieces }: BlobPieces): Promise<Uint8Array> {
  const bytes = new Uint8Array(byteLength);
  let at = 0;
  for await (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Keeps checkpoints in memory: for tests, and for runs that need none after the page is closed. */
export class MemoryCheckpointStore implements CheckpointStore {
  readonly #blobs = new Map<string, Uint8Array>();

  async list(): Promise<readonly string[]> {
    return [...this.#blobs.keys()];
  }

  async read(name: string): Promise<Uint8Array> {
    const bytes = this.#blobs.get(name);
    if (bytes === undefined) throw new Error(`There is no checkpoint ${name}.`);
    return bytes;
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    this.#blobs.set(name, bytes);
  }

  async remove(name: string): Promise<void> {
    this.#blobs.delete(name);
  }
}

/** `step-00000120.safetensors`: sorted by name is sorted by step. */
export function checkpointFileName(step: number): string {
  return `step-${String(step).padStart(8, '0')}.safetensors`;
}

/** The step in a checkpoint's name, or undefined for what is not the name of a checkpoint. */
export function checkpointStep(name: string): number | undefined {
  const match = /^step-(\d{8,15})\.safetensors$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** Names of the checkpoints in a store, oldest first; other files are ignored. */
export async function listCheckpoints(store: Pick<CheckpointStore, 'list'>): Promise<string[]> {
  const steps = (await store.list()).flatMap((name) => {
    const step = checkpointStep(name);
    return step === undefined ? [] : [{ name, step }];
  });
  return steps.sort((a, b) => a.step - b.step).map(({ name }) => name);
}

/**
 * Removes all but the newest checkpoints.
 *
 * @param options.keepLast how many of the newest stay
 * @param options.keep names that stay in any case (the best one so far)
 * @param options.upTo the newest that counts. Later ones, which a run that goes on from an older one has found damaged, are no
 *   checkpoints to keep instead of it, and are left alone. Default: all count
 */
export async function pruneCheckpoints(
  store: CheckpointStore,
  options: { readonly keepLast: number; readonly keep?: readonly string[]; readonly upTo?: string },
): Promise<void> {
  const { upTo } = options;
  const last = upTo === undefined ? Number.POSITIVE_INFINITY : checkpointStep(upTo)!;
  const names = (await listCheckpoints(store)).filter((name) => checkpointStep(name)! <= last);
  const old = names.slice(0, Math.max(0, names.length - options.keepLast));
  for (const name of old) if (!options.keep?.includes(name)) await store.remove(name);
}

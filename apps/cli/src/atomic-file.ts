import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Bytes that file systems have for a name, less those that are put to it here. */
const MOST_NAME_BYTES = 255 - 24;

/** What a file is called until it is complete. */
export function partialPath(path: string): string {
  const name = basename(path);
  if (Buffer.byteLength(name) <= MOST_NAME_BYTES) return `${path}.partial-${process.pid}`;
  const short = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return join(dirname(path), `${short}.partial-${process.pid}`);
}

/** Writes a file beside its place and renames it into place when it is complete: never half a file, never a lost old one. */
export async function writeAtomically(
  path: string,
  chunks: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const partial = partialPath(path);
  try {
    const file = await open(partial, 'w');
    try {
      // Not `write`: on a full disk that may write a part and say so, where nobody looks.
      for await (const chunk of batched(chunks)) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw withPath(error, path);
  }
}

/** A failed write does not say itself which file it was. */
function withPath(error: unknown, path: string): unknown {
  const { code, syscall, path: named, message } = error as NodeJS.ErrnoException;
  if (syscall === undefined || named !== undefined) return error;
  return Object.assign(new Error(`Cannot write ${path}: ${message}`, { cause: error }), { code });
}

const BATCH = 2 ** 18;

/** Joins small pieces: a call to the file system for every line would be slow. */
async function* batched(
  chunks: Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>,
): AsyncGenerator<Uint8Array> {
  let pending: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    pending.push(piece);
    bytes += piece.byteLength;
    if (bytes < BATCH) continue;
    yield Buffer.concat(pending);
    pending = [];
    bytes = 0;
  }
  yield Buffer.concat(pending);
}

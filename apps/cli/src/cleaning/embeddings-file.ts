/** Embeddings that a user brings: NumPy's `.npy`, which may be larger than memory, or safetensors. */
import { closeSync, openSync, readSync } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { parseSafetensors, toFloat32 } from '@arcface/backbones';
import type { EmbeddingRows, Embeddings } from '@arcface/cleaner';
import { CommandError } from '../cli/usage-error.ts';
import { type NpyHeader, parseNpyHeader } from '../npy.ts';
import { chunkedRows } from './chunked-rows.ts';

export interface EmbeddingsFile {
  readonly path: string;
  readonly rows: number;
  readonly dimensions: number;
  /** The rows in order, some at a time. */
  blocks(): Iterable<Float32Array>;
  /** The rows as they are asked for, where that can be without reading all. */
  readonly onDisk?: EmbeddingRows;
  close(): void;
}

/** Bytes of a block, about. */
const BLOCK_BYTES = 2 ** 24;
/** More than that many are read again when they are needed. */
const HELD_BYTES = 2 ** 30;
/** What Node reads at once. */
const MOST_FILE_BYTES = 2 ** 31 - 1;

/** @throws {CommandError} when it is neither, or not a matrix of floats */
export async function openEmbeddingsFile(path: string): Promise<EmbeddingsFile> {
  if (path.endsWith('.npy')) return openNpy(path);
  if (path.endsWith('.safetensors')) return openSafetensors(path);
  throw new CommandError(`${path}: embeddings are read from .npy or .safetensors files.`);
}

/**
 * All rows in memory.
 *
 * @throws {CommandError} naming row and column of what is no finite number
 */
export function heldEmbeddings(file: EmbeddingsFile): Float32Array {
  const embeddings = new Float32Array(file.rows * file.dimensions);
  let filled = 0;
  for (const block of finiteBlocks(file)) {
    embeddings.set(block, filled);
    filled += block.length;
  }
  return embeddings;
}

/**
 * The rows in memory if they are few, and on disk if not. Keep the file open while they are in use.
 *
 * @param held bytes that are few
 * @throws {CommandError} naming row and column of what is no finite number
 */
export function embeddingsInReach(file: EmbeddingsFile, held = HELD_BYTES): Embeddings {
  if (file.onDisk === undefined || file.rows * file.dimensions * 4 <= held) return heldEmbeddings(file);
  for (const _ of finiteBlocks(file));
  return file.onDisk;
}

function* finiteBlocks({ path, dimensions, blocks }: EmbeddingsFile): Generator<Float32Array> {
  let done = 0;
  for (const block of blocks()) {
    const at = block.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
      const row = Math.floor((done + at) / dimensions);
      throw new CommandError(
        `${path}: row ${row}, column ${(done + at) % dimensions} is ${block[at]}, not a finite number. Leave that image out, or embed it again.`,
      );
    }
    done += block.length;
    yield block;
  }
}

const SIZES: Readonly<Record<NpyHeader['type'], number>> = { float16: 2, float32: 4, float64: 8 };

async function openNpy(path: string): Promise<EmbeddingsFile> {
  const { type, dataOffset, rows, dimensions } = await npyMatrix(path);
  const rowBytes = dimensions * SIZES[type];
  const file = openSync(path, 'r');
  const read = (row: number, count: number): Float32Array => {
    const bytes = new Uint8Array(count * rowBytes);
    readFully(file, bytes, dataOffset + row * rowBytes, path);
    if (type === 'float64') return Float32Array.from(new Float64Array(bytes.buffer));
    if (type === 'float16') return toFloat32({ dtype: 'float16', data: new Uint16Array(bytes.buffer) });
    return new Float32Array(bytes.buffer);
  };
  const step = Math.max(1, Math.floor(BLOCK_BYTES / rowBytes));
  return {
    path,
    rows,
    dimensions,
    *blocks() {
      for (let row = 0; row < rows; row += step) yield read(row, Math.min(step, rows - row));
    },
    onDisk: chunkedRows({
      rows,
      dimensions,
      chunkRows: step,
      readChunk: (chunk) => read(chunk * step, Math.min(step, rows - chunk * step)),
      readRow: (chunk, place) => read(chunk * step + place, 1),
    }),
    close: () => closeSync(file),
  };
}

async function npyMatrix(path: string): Promise<NpyHeader & { rows: number; dimensions: number }> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(2 ** 16);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const header = (() => {
      try {
        return parseNpyHeader(head.subarray(0, bytesRead));
      } catch (error) {
        throw new CommandError(`${path}: ${(error as Error).message}`);
      }
    })();
    const [rows, dimensions] = header.shape;
    if (header.shape.length !== 2 || rows === undefined || !dimensions) {
      throw new CommandError(
        `${path}: expected a matrix [images, dimensions], found shape [${header.shape.join(', ')}].`,
      );
    }
    const { size: bytes } = await file.stat();
    const needed = header.dataOffset + rows * dimensions * SIZES[header.type];
    if (bytes !== needed) {
      throw new CommandError(
        `${path}: [${rows}, ${dimensions}] of ${header.type} takes ${needed} bytes, the file has ${bytes}.`,
      );
    }
    return { ...header, rows, dimensions };
  } finally {
    await file.close();
  }
}

function readFully(file: number, into: Uint8Array, position: number, path: string): void {
  let done = 0;
  while (done < into.length) {
    const bytesRead = readSync(file, into, done, into.length - done, position + done);
    if (bytesRead === 0)
      throw new CommandError(`${path} ends at byte ${position + done}; it was cut short meanwhile.`);
    done += bytesRead;
  }
}

async function openSafetensors(path: string): Promise<EmbeddingsFile> {
  const { size } = await stat(path);
  if (size > MOST_FILE_BYTES) {
    throw new CommandError(`${path} has ${size} bytes; safetensors are read up to 2 GiB. Save it as .npy.`);
  }
  const bytes = await readFile(path);
  const matrices = (() => {
    try {
      return parseSafetensors(
        new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      ).tensors.filter(({ shape, dtype }) => shape.length === 2 && /float/.test(dtype));
    } catch (error) {
      throw new CommandError(`${path}: ${(error as Error).message}`);
    }
  })();
  const tensor = matrices.find(({ name }) => name === 'embeddings') ?? matrices[0];
  if (tensor === undefined || (matrices.length > 1 && tensor.name !== 'embeddings')) {
    throw new CommandError(
      `${path}: expected one matrix of floats, or one named "embeddings", found ${matrices.map(({ name }) => name).join(', ') || 'none'}.`,
    );
  }
  const values = toFloat32(tensor);
  const [rows, dimensions] = tensor.shape as [number, number];
  return {
    path,
    rows,
    dimensions,
    blocks: () => [values],
    close() {},
  };
}

/** Embeddings that a user brings: NumPy's `.npy` or safetensors. Read block by block, so that a file larger than memory can be scored. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { parseSafetensors, toFloat32 } from '@arcface/backbones';
import { CommandError } from '../cli/usage-error.ts';
import { parseNpyHeader } from '../npy.ts';

export interface EmbeddingsFile {
  readonly rows: number;
  readonly dimensions: number;
  /** The rows in order, some at a time. */
  blocks(): AsyncGenerator<Float32Array>;
}

/** Bytes of a block, about. */
const BLOCK_BYTES = 2 ** 24;

/** @throws {CommandError} when it is neither, or not a matrix of floats */
export async function openEmbeddingsFile(path: string): Promise<EmbeddingsFile> {
  if (path.endsWith('.npy')) return openNpy(path);
  if (path.endsWith('.safetensors')) return openSafetensors(path);
  throw new CommandError(`${path}: embeddings are read from .npy or .safetensors files.`);
}

async function openNpy(path: string): Promise<EmbeddingsFile> {
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
    const size = header.type === 'float64' ? 8 : header.type === 'float16' ? 2 : 4;
    const { size: bytes } = await file.stat();
    const needed = header.dataOffset + rows * dimensions * size;
    if (bytes !== needed) {
      throw new CommandError(
        `${path}: [${rows}, ${dimensions}] of ${header.type} takes ${needed} bytes, the file has ${bytes}.`,
      );
    }
    return {
      rows,
      dimensions,
      blocks: () => npyBlocks(path, { ...header, rows, dimensions, size }),
    };
  } finally {
    await file.close();
  }
}

async function* npyBlocks(
  path: string,
  layout: {
    type: 'float16' | 'float32' | 'float64';
    dataOffset: number;
    rows: number;
    dimensions: number;
    size: number;
  },
): AsyncGenerator<Float32Array> {
  const { type, dataOffset, rows, dimensions, size } = layout;
  const step = Math.max(1, Math.floor(BLOCK_BYTES / (dimensions * size)));
  const file = await open(path);
  try {
    for (let row = 0; row < rows; row += step) {
      const count = Math.min(step, rows - row);
      const bytes = new Uint8Array(count * dimensions * size);
      await readFully(file, bytes, dataOffset + row * dimensions * size, path);
      if (type === 'float64') yield Float32Array.from(new Float64Array(bytes.buffer));
      else if (type === 'float16') yield toFloat32({ dtype: 'float16', data: new Uint16Array(bytes.buffer) });
      else yield new Float32Array(bytes.buffer);
    }
  } finally {
    await file.close();
  }
}

async function readFully(file: FileHandle, into: Uint8Array, position: number, path: string): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0)
      throw new CommandError(`${path} ends at byte ${position + done}; it was cut short meanwhile.`);
    done += bytesRead;
  }
}

async function openSafetensors(path: string): Promise<EmbeddingsFile> {
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
    rows,
    dimensions,
    async *blocks() {
      yield values;
    },
  };
}

/** Reads somebody's ONNX file, and the files beside it that its weights are in. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ExternalData, type OnnxModel, parseOnnxModel } from 'onnx-format';
import { CommandError } from '../cli/usage-error.ts';

export interface ReadOnnxOptions {
  /** Whether weights in other files are read; otherwise it is only known where they are. Default true. */
  readonly weights?: boolean;
  /** Called with the weights that are read from other files, one after another. */
  readonly onOutside?: (bytes: Uint8Array) => void;
}

/** @throws {CommandError} naming the file, and what is amiss at which byte */
export function readOnnxFile(path: string, { weights = true, onOutside }: ReadOnnxOptions = {}): OnnxModel {
  const readOutside = (place: ExternalData) => {
    const bytes = readPlace(join(dirname(path), place.location), place);
    onOutside?.(bytes);
    return bytes;
  };
  try {
    return parseOnnxModel(readFileSync(path), { external: weights ? readOutside : 'keep' });
  } catch (error) {
    throw new CommandError(`${path} cannot be read as a model: ${(error as Error).message}`);
  }
}

/** Reads a part of a file that all tensors of a model may share. */
function readPlace(path: string, { offset, length }: Pick<ExternalData, 'offset' | 'length'>): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const there = Math.max(0, fstatSync(file).size - offset);
    const bytes = new Uint8Array(Math.min(length ?? there, there));
    let read = 0;
    for (let count = -1; count !== 0 && read < bytes.length; read += count) {
      count = readSync(file, bytes, read, bytes.length - read, offset + read);
    }
    return bytes.subarray(0, read);
  } finally {
    closeSync(file);
  }
}

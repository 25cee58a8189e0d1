// Writes compiled graphs as `.onnx` files, for a viewer such as Netron.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OnnxRuntimeBackendError } from '../errors.ts';

/** Writes the model as `<directory>/<hash>.onnx` and returns the path. Throws `invalid-option` where that cannot be done. */
export function dumpModel(directory: string, hash: string, bytes: Uint8Array): string {
  const path = join(directory, `${hash}.onnx`);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, bytes);
  } catch (cause) {
    throw new OnnxRuntimeBackendError(
      'invalid-option',
      `The graph could not be written to ${path}: ${cause instanceof Error ? cause.message : String(cause)}. Name a folder that can be written.`,
      { cause },
    );
  }
  return path;
}

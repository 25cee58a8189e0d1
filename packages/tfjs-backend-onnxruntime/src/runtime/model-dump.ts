// Writes compiled graphs as `.onnx` files, for a viewer such as Netron.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes the model as `<directory>/<hash>.onnx` and returns the path. */
export function dumpModel(directory: string, hash: string, bytes: Uint8Array): string {
  mkdirSync(directory, { recursive: true });
  const path = join(directory, `${hash}.onnx`);
  writeFileSync(path, bytes);
  return path;
}

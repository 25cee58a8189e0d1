/** What the fuzzer does with an input: everything that a program would do with a model. */
import type { OnnxTensor } from '../model.ts';
import { OnnxFormatError } from '../onnx-format-error.ts';
import { parseOnnxModel } from '../read-model.ts';
import { tensorValues } from '../tensor-values.ts';
import { serializeOnnxModel } from '../write-model.ts';

/**
 * Reads a model with its weights, writes it, and reads that: a model that was read can be written, and says the same.
 *
 * @returns whether the input is a model
 * @throws whatever is not an OnnxFormatError, and an OnnxFormatError that a file cannot be the reason for
 */
export function readEverything(bytes: Uint8Array): boolean {
  try {
    const model = parseOnnxModel(bytes, { external: 'keep' });
    const written = serializeOnnxModel(model);
    const again = serializeOnnxModel(parseOnnxModel(written, { external: 'keep' }));
    if (Buffer.compare(written, again) !== 0) throw new Error('a model changes when it is written and read');
    for (const tensor of model.graph.initializers) readValues(tensor);
    return true;
  } catch (error) {
    if (!(error instanceof OnnxFormatError) || error.code === 'invalid-model') throw error;
    if (error.code === 'invalid-file' && !(error.offset! >= 0 && error.offset! <= bytes.length)) {
      throw new Error(`an offset that is not in the file: ${error.offset}`);
    }
    return false;
  }
}

function readValues(tensor: OnnxTensor): void {
  try {
    tensorValues(tensor);
  } catch (error) {
    if (!(error instanceof OnnxFormatError) || error.code !== 'unsupported') throw error;
  }
}

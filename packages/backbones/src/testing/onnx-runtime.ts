/** Runs an ONNX model on ONNX Runtime itself, as anyone who is given the file would. */
import { createRequire } from 'node:module';
import { type OnnxModel, serializeOnnxModel } from 'onnx-format';
import type { OnnxSession } from '../onnx/candidate-runs.ts';

// As the backend does: what is computed here is nobody else's business.
process.env.ORT_DISABLE_TELEMETRY ??= '1';
const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof import('onnxruntime-node');

/** @returns the values and shape of the first output */
export async function runOnnx(
  model: OnnxModel | Uint8Array,
  values: Float32Array,
  shape: readonly number[],
): Promise<{ data: Float32Array; dims: readonly number[] }> {
  const bytes = model instanceof Uint8Array ? model : serializeOnnxModel(model);
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  try {
    const input = session.inputNames[0]!;
    const results = await session.run({ [input]: new ort.Tensor('float32', values, shape) });
    const output = results[session.outputNames[0]!]!;
    return { data: output.data as Float32Array, dims: output.dims };
  } finally {
    await session.release();
  }
}

/** Images `[batch, height, width, 3]` as `[batch, 3, height, width]`. */
export function channelsFirst(
  pixels: ArrayLike<number>,
  [batch, height, width]: readonly number[],
): Float32Array {
  const area = height! * width!;
  const result = new Float32Array(batch! * 3 * area);
  for (let image = 0; image < batch!; image++) {
    for (let position = 0; position < area; position++) {
      for (let channel = 0; channel < 3; channel++) {
        result[(image * 3 + channel) * area + position] = pixels[(image * area + position) * 3 + channel]!;
      }
    }
  }
  return result;
}

/** Opens a model as an application would. */
export async function openSession(model: OnnxModel): Promise<OnnxSession> {
  const session = await ort.InferenceSession.create(serializeOnnxModel(model), {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  return {
    async run(values, dims) {
      const type =
        values instanceof Float32Array ? 'float32' : values instanceof Uint8Array ? 'uint8' : 'float16';
      const input = new ort.Tensor(type, values as Uint8Array, dims);
      const results = await session.run({ [session.inputNames[0]!]: input });
      return new Map(
        Object.entries(results).map(([name, tensor]) => [
          name,
          { data: tensor.data as Float32Array, dims: tensor.dims },
        ]),
      );
    },
    release: () => session.release(),
  };
}

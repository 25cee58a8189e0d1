/** Binds the models of other people to ONNX Runtime. Loaded only when there is one: `--help` should be quick. */
import type { OnnxResult, OnnxSession } from '@arcface/backbones';
import { toFloat32 } from '@arcface/backbones';
import { type OnnxModel, serializeOnnxModel } from 'onnx-format';
import type { Tensor } from 'onnxruntime-node';
import { CommandError } from '../cli/usage-error.ts';

/**
 * Loads a model.
 *
 * @param path of the file, for messages
 * @throws {CommandError} with what ONNX Runtime says, when it does not take the model
 */
export async function openOnnxSession(
  model: OnnxModel,
  path: string,
  options: { readonly threads?: number | undefined },
): Promise<OnnxSession> {
  // Otherwise ONNX Runtime reports to its makers; the backend says the same.
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
  const { InferenceSession, Tensor: OnnxTensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(serializeOnnxModel(withOpenSizes(model)), {
    executionProviders: ['cpu'],
    logSeverityLevel: 4,
    ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
    // Threads that wait for work leave the processor to those that decode images.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  }).catch((error: Error) => {
    throw new CommandError(`${path}: ONNX Runtime does not take this model: ${said(error)}`);
  });
  const name = session.inputNames[0]!;
  return {
    async run(values, dims) {
      const type =
        values instanceof Float32Array ? 'float32' : values instanceof Uint16Array ? 'float16' : 'uint8';
      const input = new OnnxTensor(type, values as Uint8Array, dims);
      const results = await session.run({ [name]: input }).catch((error: Error) => {
        throw new CommandError(`${path}: ONNX Runtime cannot run this model on [${dims}]: ${said(error)}`);
      });
      return new Map(Object.entries(results).map(([output, tensor]) => [output, floats(tensor, path)]));
    },
    release: () => session.release(),
  };
}

/** Some exporters write 0 for a size that may be any; ONNX Runtime takes it for a number. */
function withOpenSizes(model: OnnxModel): OnnxModel {
  const inputs = model.graph.inputs.map((input) =>
    input.shape === undefined
      ? input
      : { ...input, shape: input.shape.map((size) => (size === 0 ? undefined : size)) },
  );
  return { ...model, graph: { ...model.graph, inputs } };
}

/** What ONNX Runtime says, without the place in its own source and the signature of a function there. */
function said({ message }: Error): string {
  return message.replace(/^\S+:\d+ .*?\) (?=[A-Z])/s, '');
}

function floats({ type, data, dims }: Tensor, path: string): OnnxResult {
  if (type === 'float32') return { data: data as Float32Array, dims };
  if (type === 'float16') {
    // Half floats have an array of their own in newer versions of Node; the bits are the same.
    const { buffer, byteOffset, length } = data as Uint16Array;
    return { data: toFloat32({ dtype: 'float16', data: new Uint16Array(buffer, byteOffset, length) }), dims };
  }
  if (type === 'float64') return { data: Float32Array.from(data as Float64Array), dims };
  throw new CommandError(`${path}: its output is ${type}; embeddings are floats.`);
}

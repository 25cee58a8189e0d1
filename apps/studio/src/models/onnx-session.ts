/** Other people's ONNX models, in ONNX Runtime's WebAssembly, which ships with the studio. */
import { type OnnxResult, type OnnxSession, toFloat32 } from '@arcface/backbones';
import { type OnnxModel, serializeOnnxModel } from 'onnx-format';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import * as ort from 'onnxruntime-web/wasm';

export async function openOnnxSession(model: OnnxModel): Promise<OnnxSession> {
  ort.env.wasm.wasmPaths = { wasm };
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(serializeOnnxModel(model), {
    executionProviders: ['wasm'],
    logSeverityLevel: 4,
  });
  const name = session.inputNames[0]!;
  return {
    async run(values, dims) {
      const type =
        values instanceof Float32Array ? 'float32' : values instanceof Uint16Array ? 'float16' : 'uint8';
      const input = new ort.Tensor(type, values as Uint8Array, dims);
      const results = await session.run({ [name]: input });
      return new Map(Object.entries(results).map(([output, tensor]) => [output, floats(tensor)]));
    },
    release: () => session.release(),
  };
}

function floats({ type, data, dims }: ort.Tensor): OnnxResult {
  if (type === 'float32') return { data: data as Float32Array, dims };
  if (type === 'float16') {
    const { buffer, byteOffset, length } = data as Uint16Array;
    return { data: toFloat32({ dtype: 'float16', data: new Uint16Array(buffer, byteOffset, length) }), dims };
  }
  if (type === 'float64') return { data: Float32Array.from(data as Float64Array), dims };
  throw new Error(`its output is ${type}; embeddings are floats`);
}

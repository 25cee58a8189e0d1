// How many channels stand together in ONNX Runtime's blocked layout (NCHWc) depends on the processor: 16 with
// AVX-512, 8 with AVX2, and some processors have no such layout at all. It is an internal matter of ONNX Runtime,
// so it is asked, never assumed: reorder 0..31 and see where 1 comes out.

import { nchwcDomain, OnnxGraph } from '../onnx/graph.ts';
import { loadRuntime } from './native-binding.ts';

let probed: number | null = null;

/** Channels per block of the NCHWc layout on this processor; 0 when there is none. */
export function nchwcBlockSize(): number {
  probed ??= probe();
  return probed;
}

function probe(): number {
  const { binding, Tensor } = loadRuntime();
  const graph = new OnnxGraph();
  const shape = [1, 16, 1, 2];
  const input = graph.input('float32', shape);
  const output = graph.output(graph.op('ReorderInput', [input], {}, nchwcDomain), 'float32', shape);
  const model = graph.serialise();
  const session = new binding.InferenceSession();
  try {
    session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'disabled',
      executionMode: 'sequential',
      enableMemPattern: false,
      enableCpuMemArena: false,
      logSeverityLevel: 4,
    });
    const ramp = Float32Array.from({ length: 32 }, (_, i) => i);
    const result = session.run({ [input]: new Tensor('float32', ramp, shape) }, { [output]: null }, {});
    const data = result[output]!.data;
    // In [1, 16/b, 1, 2, b] the second pixel of the first channel comes after the b channels of the first.
    const block = data.indexOf(1);
    return block === 8 || block === 16 ? block : 0;
  } catch {
    return 0;
  } finally {
    session.dispose();
  }
}

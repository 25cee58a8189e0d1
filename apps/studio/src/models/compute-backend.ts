/** What computes: WebGPU where the browser has it, otherwise WebAssembly; both ship with the studio. */
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import wasm from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import wasmSimd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-webgpu';

export type ComputeBackend = 'webgpu' | 'wasm';

/** Starts a backend; `wasm` may be asked for. */
export async function startBackend(wanted?: ComputeBackend): Promise<ComputeBackend> {
  const hasGpu = wanted !== 'wasm' && (await navigator.gpu?.requestAdapter().catch(() => null));
  if (hasGpu && (await tf.setBackend('webgpu').catch(() => false))) return 'webgpu';
  // Threads need a page that is isolated from all others, which a static host rarely makes, and scripts that a worker cannot reach.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  setWasmPaths({
    'tfjs-backend-wasm.wasm': wasm,
    'tfjs-backend-wasm-simd.wasm': wasmSimd,
    // It wants to be told, and does not fetch it.
    'tfjs-backend-wasm-threaded-simd.wasm': wasmSimd,
  });
  if (await tf.setBackend('wasm')) return 'wasm';
  throw new Error('Neither WebGPU nor WebAssembly can be started in this browser.');
}

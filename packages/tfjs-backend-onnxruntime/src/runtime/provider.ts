// ONNX Runtime's execution providers: where graphs run. `cpu` is always there; `webgpu` is inside onnxruntime-node's library
// and needs a graphics driver (Vulkan, Metal or D3D12); `cuda` needs two libraries that npm does not bring and an
// NVIDIA driver. Whether one works is found out by computing with it.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { OnnxRuntimeBackendError } from '../errors.ts';
import { elementTypes, OnnxGraph } from '../onnx/graph.ts';
import { loadRuntime, runtimeVersion } from './native-binding.ts';

export type Provider = 'cpu' | 'webgpu' | 'cuda';

/** What a provider needs, what of it is there, and what to do about the rest. */
export interface ProviderReport {
  readonly provider: Provider;
  readonly available: boolean;
  /** Libraries beside onnxruntime-node's own that the provider needs. */
  readonly libraries: readonly { readonly path: string; readonly found: boolean }[];
  /** Why it is not available; null when it is. */
  readonly problem: string | null;
  /** What to do about it; null when it is available. */
  readonly remedy: string | null;
}

const reports = new Map<Provider, ProviderReport>();

/** Finds out, once a process, whether graphs run on a provider. Never throws for one that does not work. */
export function checkProvider(provider: Provider): ProviderReport {
  const before = reports.get(provider);
  if (before) return before;
  const report = examine(provider);
  reports.set(provider, report);
  return report;
}

/** The provider to use: `auto` is the first that works of CUDA, WebGPU, CPU. Throws `provider-unavailable`. */
export function chooseProvider(wanted: Provider | 'auto'): Provider {
  if (wanted === 'auto') {
    return (['cuda', 'webgpu'] as const).find((provider) => checkProvider(provider).available) ?? 'cpu';
  }
  const { available, problem, remedy } = checkProvider(wanted);
  if (available) return wanted;
  throw new OnnxRuntimeBackendError(
    'provider-unavailable',
    `The execution provider ${wanted} does not work: ${problem} ${remedy} Or choose provider 'cpu'.`,
  );
}

function examine(provider: Provider): ProviderReport {
  if (provider === 'cpu') return { provider, available: true, libraries: [], problem: null, remedy: null };
  const libraries = provider === 'cuda' ? cudaLibraries() : [];
  const missing = libraries.filter(({ found }) => !found);
  if (missing.length > 0) {
    const names = missing.map(({ path }) => path).join(', ');
    return {
      provider,
      available: false,
      libraries,
      problem: `${names} missing.`,
      remedy: remedyOf(provider),
    };
  }
  const problem = tryOut(provider);
  return {
    provider,
    available: problem === null,
    libraries,
    problem,
    remedy: problem === null ? null : remedyOf(provider),
  };
}

function cudaLibraries() {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const directory = join(root, 'bin', 'napi-v6', process.platform, process.arch);
  const name = (part: string) =>
    process.platform === 'win32'
      ? `onnxruntime_providers_${part}.dll`
      : `libonnxruntime_providers_${part}.so`;
  return ['shared', 'cuda'].map((part) => {
    const path = join(directory, name(part));
    return { path, found: existsSync(path) };
  });
}

function remedyOf(provider: Provider): string {
  if (provider === 'webgpu') {
    return (
      'It needs a Vulkan driver on Linux (the GPU maker’s, or Mesa’s from version 23; VK_ICD_FILENAMES names one), ' +
      'D3D12 on Windows, Metal on macOS.'
    );
  }
  // Its install script has them for this platform alone.
  const isFetched = process.platform === 'linux' && process.arch === 'x64';
  return (
    `${isFetched ? 'Let onnxruntime-node fetch these libraries (ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node), or copy them' : 'Copy these libraries'} ` +
    `out of the Python wheel onnxruntime-gpu ${runtimeVersion()} (onnxruntime/capi) to that folder; ` +
    'they need an NVIDIA driver, and the CUDA and cuDNN libraries that the wheel names, on the library path.'
  );
}

const halfPrecisionProblems = new Map<Provider, string | null>();

/** Throws `provider-unavailable` where a provider that works has no float16 arithmetic. The CPU's is emulated. */
export function checkHalfPrecision(provider: Provider): void {
  if (provider === 'cpu') return;
  let problem = halfPrecisionProblems.get(provider);
  if (problem === undefined) {
    problem = tryOut(provider, 'float16');
    halfPrecisionProblems.set(provider, problem);
  }
  if (problem === null) return;
  throw new OnnxRuntimeBackendError(
    'provider-unavailable',
    `The execution provider ${provider} cannot compute in float16 on this device: ${problem} Use precision 'float32'.`,
  );
}

/** Computes a small product; what went wrong, or null. */
function tryOut(provider: Provider, precision: 'float32' | 'float16' = 'float32'): string | null {
  const { binding, Tensor } = loadRuntime();
  const graph = new OnnxGraph();
  const shape = [2, 2];
  const x = graph.input('float32', shape);
  const cast = (name: string, to: 'float32' | 'float16') =>
    precision === 'float32' ? name : graph.op('Cast', [name], { to: elementTypes[to] });
  const operand = cast(x, 'float16');
  const product = graph.op('MatMul', [operand, operand]);
  const y = graph.output(cast(product, 'float32'), 'float32', shape);
  const model = graph.serialise();
  const session = new binding.InferenceSession();
  try {
    session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
      executionProviders: [provider],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'disabled',
      executionMode: 'sequential',
      enableMemPattern: false,
      enableCpuMemArena: false,
      logSeverityLevel: 4,
    });
    const matrix = new Tensor('float32', Float32Array.of(1, 2, 3, 4), shape);
    const found = Array.from(session.run({ [x]: matrix }, { [y]: null }, {})[y]!.data);
    const isRight = found.join() === '7,10,15,22';
    return isRight ? null : `It computes [[1, 2], [3, 4]]² as ${found}.`;
  } catch (error) {
    return `${error instanceof Error ? error.message.trim() : String(error)}.`;
  } finally {
    session.dispose();
  }
}

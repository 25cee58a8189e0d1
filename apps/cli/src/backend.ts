/**
 * Binds TensorFlow.js to what computes: one file for each binding, loaded only when it is asked for. `--help` should be
 * quick, and all but ONNX Runtime are optional peers that most users do not have.
 */
import type { ComputeOptions } from './cli/define-command.ts';
import { UsageError } from './cli/usage-error.ts';

/** What a binding needs to know. */
export interface BindingOptions {
  /** Threads inside an operation; undefined for the backend's own default. Without meaning on a GPU. */
  readonly threads?: number | undefined;
  /** Compiled graphs that are kept, for a step that is computed in more pieces than usual; undefined for the backend's own default. */
  readonly graphs?: number | undefined;
}

/** Makes a backend the current one of TensorFlow.js, able to train, and returns its name for results. */
type Binding = (options: BindingOptions) => Promise<string>;

const BINDINGS: Readonly<Record<string, () => Promise<Binding>>> = {
  onnxruntime: async () => (await import('./backends/onnxruntime.ts')).bindOnnxRuntime(),
  'onnxruntime:cpu': async () => (await import('./backends/onnxruntime.ts')).bindOnnxRuntime('cpu'),
  'onnxruntime:webgpu': async () => (await import('./backends/onnxruntime.ts')).bindOnnxRuntime('webgpu'),
  'onnxruntime:cuda': async () => (await import('./backends/onnxruntime.ts')).bindOnnxRuntime('cuda'),
  node: async () => (await import('./backends/tfjs-node.ts')).bindTfjsNode('cpu'),
  'node-gpu': async () => (await import('./backends/tfjs-node.ts')).bindTfjsNode('gpu'),
  webgpu: async () => (await import('./backends/webgpu.ts')).bindWebGpu,
};

/**
 * @returns the name of the backend, for results
 * @throws {UsageError} for a backend that does not exist
 * @throws {CommandError} for one that this machine cannot run, with what to install or to run
 */
export async function useBackend({
  backend,
  threads,
  graphs,
}: Pick<ComputeOptions, 'backend'> & BindingOptions): Promise<string> {
  const load = Object.hasOwn(BINDINGS, backend) ? BINDINGS[backend] : undefined;
  if (load === undefined) {
    throw new UsageError(`--backend ${backend} does not exist. It is one of: ${backendNames().join(', ')}.`);
  }
  const bind = await load();
  return bind({ threads, graphs });
}

/** What `--backend` takes. */
function backendNames(): string[] {
  return Object.keys(BINDINGS);
}

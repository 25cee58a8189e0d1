/**
 * `--backend node` and `node-gpu`: TensorFlow itself, through @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu, with
 * fused kernels for training.
 *
 * They are looked for in the folder that the environment variable ARCFACE_TFJS_NODE (ARCFACE_TFJS_NODE_GPU) names, in
 * the project that the command is run from, and where tooling/tfjs-node/build.sh puts what it builds unless told
 * otherwise: `arcface/tfjs-node` (`arcface/tfjs-node-gpu`) in the user's cache folder.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { registerTensorFlowKernels, releaseGradientsEarly } from 'tfjs-training-kernels';
import type { BindingOptions } from '../backend.ts';
import { CommandError } from '../cli/usage-error.ts';
import { findOptionalPackage, importFile } from './optional-package.ts';

type Device = 'cpu' | 'gpu';

const BINDINGS = {
  cpu: { backend: 'node', package: '@tensorflow/tfjs-node', variable: 'ARCFACE_TFJS_NODE', build: '' },
  gpu: {
    backend: 'node-gpu',
    package: '@tensorflow/tfjs-node-gpu',
    variable: 'ARCFACE_TFJS_NODE_GPU',
    build: ' --cuda',
  },
} as const;

export function bindTfjsNode(device: Device): (options: BindingOptions) => Promise<string> {
  return async ({ threads }) => {
    const { backend, package: name } = BINDINGS[device];
    const file = findTfjsNode(device);
    if (file === undefined) throw new CommandError(`--backend ${backend} needs ${name}. ${howToGet(device)}`);
    prepareEnvironment(threads);
    try {
      await importFile(file);
    } catch (error) {
      throw new CommandError(
        `--backend ${backend} found ${file}, which cannot be loaded: ${firstLine(error)} ${howToGet(device)}`,
        { cause: error },
      );
    }
    registerTensorFlowKernels();
    releaseGradientsEarly();
    await tf.setBackend('tensorflow');
    await tf.ready();
    const { isUsingGpuDevice } = tf.backend() as tf.KernelBackend & { readonly isUsingGpuDevice: boolean };
    if (device === 'gpu' && !isUsingGpuDevice) {
      throw new CommandError(
        '--backend node-gpu: TensorFlow sees no GPU. See what `nvidia-smi` says, and what TensorFlow says with ' +
          'TF_CPP_MIN_LOG_LEVEL=0; or use --backend node.',
      );
    }
    return backend;
  };
}

/** The package's main file, or undefined where there is none. */
export function findTfjsNode(device: Device): string | undefined {
  const { package: name, variable, backend } = BINDINGS[device];
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const built = join(cache, 'arcface', `tfjs-${backend}`);
  const named = process.env[variable];
  // A folder that is named and empty is a mistake to be told, not a reason to take another one.
  if (named) return findOptionalPackage(name, named);
  return findOptionalPackage(name) ?? findOptionalPackage(name, built);
}

function howToGet(device: Device): string {
  const { package: name, variable, build } = BINDINGS[device];
  return (
    `Build it with \`bash tooling/tfjs-node/build.sh${build}\` of this project's repository (nothing else to set then), ` +
    `or run \`npm install ${name}\` in your project (its binaries want an old Node), ` +
    `or let ${variable} name the folder whose node_modules has it.`
  );
}

/** TensorFlow reads these when it is loaded; what is set already is left alone. */
function prepareEnvironment(threads: number | undefined): void {
  const set = (name: string, value: string): void => {
    process.env[name] ??= value;
  };
  // Its notes on the processor go to stderr at every start otherwise; warnings and errors stay.
  set('TF_CPP_MIN_LOG_LEVEL', '1');
  // With oneDNN's kernels on, training steps of our smaller networks ended in "malloc(): unaligned tcache chunk detected" (TensorFlow
  // 2.21); which operation does it was not found. They are about a quarter faster: set it to 1 to have them, at that risk.
  set('TF_ENABLE_ONEDNN_OPTS', '0');
  if (threads !== undefined) {
    process.env.TF_NUM_INTRAOP_THREADS = String(threads);
    process.env.OMP_NUM_THREADS = String(threads);
    set('TF_NUM_INTEROP_THREADS', '1');
  }
  // tfjs-node 4.22 calls this function, which Node 23 removed.
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
}

function firstLine(error: unknown): string {
  const line = (error instanceof Error ? error.message : String(error)).split('\n')[0]!.trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}

// How the backend runs: one object, with defaults that suit a machine that does nothing else, each of which
// an environment variable can replace and `configure` can change before the first tensor is computed.

import { availableParallelism, homedir, platform } from 'node:os';
import { join } from 'node:path';
import { OnnxRuntimeBackendError } from './errors.ts';

export interface OnnxRuntimeBackendOptions {
  /** Threads inside an operator. Default: the cores available to the process. `TFJS_ONNXRUNTIME_THREADS` */
  readonly threads: number;
  /**
   * ONNX Runtime's execution provider; `auto` is the first that works of CUDA, WebGPU and CPU. The blocked layout is the
   * CPU's only. Default `cpu`. `TFJS_ONNXRUNTIME_PROVIDER`
   */
  readonly provider: 'cpu' | 'webgpu' | 'cuda' | 'auto';
  /**
   * Memory layout of images: `blocked` uses ONNX Runtime's NCHWc where the processor has it, `nchw` never does.
   * Default `blocked`. `TFJS_ONNXRUNTIME_LAYOUT`
   */
  readonly layout: 'blocked' | 'nchw';
  /**
   * In what dense convolutions and matrix products multiply, forward and backward. `float16` rounds what they multiply, and
   * their results, to 11 bits (scaled by powers of two, so that small gradients are not lost), and takes NCHW; everything
   * else, variables and sums of gradients with it, stays float32. The CPU has no float16 arithmetic: it is emulated there, slowly.
   * Default `float32`. `TFJS_ONNXRUNTIME_PRECISION`
   */
  readonly precision: 'float32' | 'float16';
  /** Compiled graphs kept, least recently used first to go. Default 32. `TFJS_ONNXRUNTIME_CACHE_ENTRIES` */
  readonly cacheEntries: number;
  /**
   * Bytes of activations that the compiled graphs kept may need together, by estimate; the newest is kept
   * whatever it needs. Default 4 GiB. `TFJS_ONNXRUNTIME_CACHE_BYTES`
   */
  readonly cacheBytes: number;
  /**
   * Operations traced without a read after which everything is computed anyway; a fortieth of them where the forward pass of
   * a gradient begins, or another batch of an inference, so that a loop that reads nothing is computed in whole steps. Default 20,000.
   */
  readonly pendingNodes: number;
  /** Bytes written by JavaScript without a read after which everything is computed anyway. Default 512 MiB. */
  readonly pendingBytes: number;
  /**
   * Whether each compiled graph keeps its memory between runs (ONNX Runtime's arena). Off saves about a quarter of
   * the memory and costs a few per cent of the speed. Default true. `TFJS_ONNXRUNTIME_ARENA=0`
   */
  readonly arena: boolean;
  /**
   * Bytes of batch normalisations' results that a graph may hold from the forward to the backward pass; what is beyond,
   * the largest first, is computed again there, for another pass or two over it. Default 448 MiB; 0 holds none,
   * `Infinity` all. `TFJS_ONNXRUNTIME_HELD_BYTES`
   */
  readonly heldBytes: number;
  /**
   * Whether a graph without gradients that keeps running with the same variables computes what follows from them alone (filters
   * in ONNX Runtime's layout, batch norms as factors) once and not in every run. Takes as much memory again as those variables.
   * Default true. `TFJS_ONNXRUNTIME_HOISTING=0`
   */
  readonly hoisting: boolean;
  /** ONNX Runtime's own graph optimisation. Default `basic`. */
  readonly optimization: 'disabled' | 'basic' | 'extended' | 'all';
  /** Let idle threads spin instead of sleep between operators. Default false. */
  readonly spinning: boolean;
  /**
   * Folder in which large compiled graphs are kept for later processes; null keeps none. Default: `tfjs-backend-onnxruntime`
   * in the user's folder for caches. `TFJS_ONNXRUNTIME_DISK_CACHE` (a folder, or `0`)
   */
  readonly diskCache: string | null;
  /** Bytes of the graphs in it, least recently used first to go. Default 256 MiB. `TFJS_ONNXRUNTIME_DISK_CACHE_BYTES` */
  readonly diskCacheBytes: number;
  /**
   * Keep with each operation the line that called it, for errors. Takes about 50 microseconds a kernel.
   * Default false. `TFJS_ONNXRUNTIME_CALL_SITES=1`
   */
  readonly callSites: boolean;
  /** Folder into which every newly compiled graph is written as an `.onnx` file. `TFJS_ONNXRUNTIME_DUMP` */
  readonly dumpDirectory: string | null;
  /** Prefix of ONNX Runtime's profile files (JSON), one a compiled graph. `TFJS_ONNXRUNTIME_PROFILE` */
  readonly profilePrefix: string | null;
}

const providers = ['cpu', 'webgpu', 'cuda', 'auto'] as const;
const precisions = ['float32', 'float16'] as const;

function environment(name: string): string | undefined {
  const value = process.env[`TFJS_ONNXRUNTIME_${name}`];
  return value === undefined || value === '' ? undefined : value;
}

/** A number, or what is meant where the variable is not set. */
function numberOf(name: string, otherwise: number): number {
  const text = environment(name);
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isNaN(value)) return value;
  throw new OnnxRuntimeBackendError(
    'invalid-option',
    `TFJS_ONNXRUNTIME_${name} must be a number, found '${text}'. Set another value or leave it out.`,
  );
}

/** The folder for caches of the platform's conventions (XDG on Linux), unless another or none is asked for. */
function diskCacheFolder(given: string | undefined): string | null {
  if (given === '0') return null;
  if (given !== undefined) return given;
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  const base =
    platform() === 'darwin'
      ? join(homedir(), 'Library', 'Caches')
      : platform() === 'win32'
        ? LOCALAPPDATA || join(homedir(), 'AppData', 'Local')
        : XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'tfjs-backend-onnxruntime');
}

function positiveInteger(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new OnnxRuntimeBackendError(
    'invalid-option',
    `${name} must be a positive integer, found ${value}. Set another value or leave it out.`,
  );
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw new OnnxRuntimeBackendError(
    'invalid-option',
    `${name} must be one of ${allowed.join(', ')}, found '${value}'.`,
  );
}

/** The defaults, as the environment changes them. Throws `invalid-option`. */
export function defaultOptions(): OnnxRuntimeBackendOptions {
  return checkOptions({
    threads: numberOf('THREADS', availableParallelism()),
    provider: oneOf('TFJS_ONNXRUNTIME_PROVIDER', environment('PROVIDER') ?? 'cpu', providers),
    layout: oneOf('TFJS_ONNXRUNTIME_LAYOUT', environment('LAYOUT') ?? 'blocked', ['blocked', 'nchw']),
    precision: oneOf('TFJS_ONNXRUNTIME_PRECISION', environment('PRECISION') ?? 'float32', precisions),
    cacheEntries: numberOf('CACHE_ENTRIES', 32),
    cacheBytes: numberOf('CACHE_BYTES', 4 * 2 ** 30),
    pendingNodes: 20_000,
    pendingBytes: 512 * 2 ** 20,
    arena: environment('ARENA') !== '0',
    heldBytes: numberOf('HELD_BYTES', 448 * 2 ** 20),
    hoisting: environment('HOISTING') !== '0',
    optimization: 'basic',
    spinning: false,
    diskCache: diskCacheFolder(environment('DISK_CACHE')),
    diskCacheBytes: numberOf('DISK_CACHE_BYTES', 256 * 2 ** 20),
    callSites: environment('CALL_SITES') === '1',
    dumpDirectory: environment('DUMP') ?? null,
    profilePrefix: environment('PROFILE') ?? null,
  });
}

/** Throws `invalid-option` for what no run could use. */
export function checkOptions(options: OnnxRuntimeBackendOptions): OnnxRuntimeBackendOptions {
  positiveInteger('threads', options.threads);
  positiveInteger('cacheEntries', options.cacheEntries);
  positiveInteger('cacheBytes', options.cacheBytes);
  positiveInteger('diskCacheBytes', options.diskCacheBytes);
  positiveInteger('pendingNodes', options.pendingNodes);
  positiveInteger('pendingBytes', options.pendingBytes);
  if (!(options.heldBytes >= 0)) {
    throw new OnnxRuntimeBackendError(
      'invalid-option',
      `heldBytes must be 0 or more, found ${options.heldBytes}. Set another value or leave it out.`,
    );
  }
  oneOf('provider', options.provider, providers);
  oneOf('layout', options.layout, ['blocked', 'nchw']);
  oneOf('precision', options.precision, precisions);
  oneOf('optimization', options.optimization, ['disabled', 'basic', 'extended', 'all']);
  return options;
}

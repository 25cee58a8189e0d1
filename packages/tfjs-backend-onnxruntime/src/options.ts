// How the backend runs: one object, with defaults that suit a machine that does nothing else, each of which
// an environment variable can replace and `configure` can change before the first tensor is computed.

import { availableParallelism } from 'node:os';
import { OnnxRuntimeBackendError } from './errors.ts';

export interface OnnxRuntimeBackendOptions {
  /** Threads inside an operator. Default: the cores available to the process. `TFJS_ONNXRUNTIME_THREADS` */
  readonly threads: number;
  /** ONNX Runtime's execution provider. Default `cpu`, the only one supported so far. */
  readonly provider: 'cpu';
  /**
   * Memory layout of images: `blocked` uses ONNX Runtime's NCHWc where the processor has it, `nchw` never does.
   * Default `blocked`. `TFJS_ONNXRUNTIME_LAYOUT`
   */
  readonly layout: 'blocked' | 'nchw';
  /** Compiled graphs kept, least recently used first to go. Default 32. `TFJS_ONNXRUNTIME_CACHE_ENTRIES` */
  readonly cacheEntries: number;
  /**
   * Bytes of activations that the compiled graphs kept may need together, by estimate; the newest is kept
   * whatever it needs. Default 4 GiB. `TFJS_ONNXRUNTIME_CACHE_BYTES`
   */
  readonly cacheBytes: number;
  /** Operations traced without a read after which everything is computed anyway. Default 100,000. */
  readonly pendingNodes: number;
  /**
   * Whether each compiled graph keeps its memory between runs (ONNX Runtime's arena). Off saves about a quarter of
   * the memory and costs a few per cent of the speed. Default true. `TFJS_ONNXRUNTIME_ARENA=0`
   */
  readonly arena: boolean;
  /** ONNX Runtime's own graph optimisation. Default `basic`. */
  readonly optimization: 'disabled' | 'basic' | 'extended' | 'all';
  /** Let idle threads spin instead of sleep between operators. Default false. */
  readonly spinning: boolean;
  /** Folder into which every newly compiled graph is written as an `.onnx` file. `TFJS_ONNXRUNTIME_DUMP` */
  readonly dumpDirectory: string | null;
  /** Prefix of ONNX Runtime's profile files (JSON), one a compiled graph. `TFJS_ONNXRUNTIME_PROFILE` */
  readonly profilePrefix: string | null;
}

function environment(name: string): string | undefined {
  const value = process.env[`TFJS_ONNXRUNTIME_${name}`];
  return value === undefined || value === '' ? undefined : value;
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
    threads: Number(environment('THREADS') ?? availableParallelism()),
    provider: 'cpu',
    layout: oneOf('TFJS_ONNXRUNTIME_LAYOUT', environment('LAYOUT') ?? 'blocked', ['blocked', 'nchw']),
    cacheEntries: Number(environment('CACHE_ENTRIES') ?? 32),
    cacheBytes: Number(environment('CACHE_BYTES') ?? 4 * 2 ** 30),
    pendingNodes: 100_000,
    arena: environment('ARENA') !== '0',
    optimization: 'basic',
    spinning: false,
    dumpDirectory: environment('DUMP') ?? null,
    profilePrefix: environment('PROFILE') ?? null,
  });
}

/** Throws `invalid-option` for what no run could use. */
export function checkOptions(options: OnnxRuntimeBackendOptions): OnnxRuntimeBackendOptions {
  positiveInteger('threads', options.threads);
  positiveInteger('cacheEntries', options.cacheEntries);
  positiveInteger('cacheBytes', options.cacheBytes);
  positiveInteger('pendingNodes', options.pendingNodes);
  oneOf('provider', options.provider, ['cpu']);
  oneOf('layout', options.layout, ['blocked', 'nchw']);
  oneOf('optimization', options.optimization, ['disabled', 'basic', 'extended', 'all']);
  return options;
}

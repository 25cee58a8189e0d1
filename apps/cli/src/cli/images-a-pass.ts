/** How many images go through a network at once where it is only to embed them: `--batch-size` of all commands that do not train. */
import type { Command } from 'commander';
import type { ComputeOptions } from './define-command.ts';
import { wholeNumber } from './option-values.ts';

export interface PassOptions extends Pick<ComputeOptions, 'backend'> {
  readonly batchSize?: number;
}

/** Few on a CPU: what a layer gives is in its caches for the next. A small network is a fifth faster than with 64. */
const ON_A_CPU = 8;
/** Many on a GPU, which computes all of them at once. */
const ON_A_GPU = 64;
const GPUS = new Set(['onnxruntime:webgpu', 'onnxruntime:cuda', 'node-gpu', 'webgpu']);

export function withPassOptions(command: Command): Command {
  return command.option(
    '--batch-size <n>',
    `images a forward pass (default: ${ON_A_CPU} on a CPU, ${ON_A_GPU} on a GPU)`,
    wholeNumber(1, 4096),
  );
}

export function imagesAPass({ batchSize, backend }: PassOptions): number {
  return batchSize ?? (GPUS.has(backend) ? ON_A_GPU : ON_A_CPU);
}

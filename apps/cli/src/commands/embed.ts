/** `arcface embed`: the embedding of every image of a dataset, as a NumPy file. */

import { existsSync } from 'node:fs';
import { embedImages } from '@arcface/trainer';
import type { Command } from 'commander';
import { writeAtomically } from '../atomic-file.ts';
import { useBackend } from '../backend.ts';
import {
  type CommandContext,
  type ComputeOptions,
  defineCommand,
  required,
  type SharedOptions,
  withComputeOptions,
} from '../cli/define-command.ts';
import { wholeNumber } from '../cli/option-values.ts';
import { CommandError, UsageError } from '../cli/usage-error.ts';
import { openData, reportUndecodable } from '../data.ts';
import { sharpDecoder } from '../decode.ts';
import { openModel } from '../model.ts';
import { npyHeader } from '../npy.ts';

interface EmbedCommandOptions extends SharedOptions, ComputeOptions {
  readonly model?: string;
  readonly data?: string;
  readonly output?: string;
  readonly flip?: boolean;
  readonly normalize?: boolean;
  readonly overwrite?: boolean;
  readonly batchSize: number;
}

export function embedCommand(): Command {
  return defineCommand<EmbedCommandOptions>({
    name: 'embed',
    description:
      'Write the embedding of every image as float32 rows (.npy), in data order, with a .jsonl beside it that names ' +
      'key and label of each row. An image that cannot be decoded has a row of zeros and a "failed" in its line.',
    example: 'arcface embed --model run --data faces --output faces.npy --normalize',
    options: (command) =>
      withComputeOptions(
        command
          .option('--model <model>', 'run folder, .safetensors checkpoint, or PREFIX,EPOCH of MXNet')
          .option('--data <data>', 'a .rec, a folder with a train.rec, a folder of folders, or a .lst')
          .option('--output <file>', 'the .npy to write')
          .option('--flip', 'add the embedding of the mirror image')
          .option('--normalize', 'rows of length 1 (default: as the network gives them)')
          .option('--overwrite', 'replace the output')
          .option('--batch-size <n>', 'images a forward pass', wholeNumber(1, 4096), 64),
      ),
    run: embed,
  });
}

async function embed(options: EmbedCommandOptions, context: CommandContext): Promise<void> {
  const output = required(options.output, '--output');
  const modelName = required(options.model, '--model');
  const data = required(options.data, '--data');
  if (!output.endsWith('.npy')) throw new UsageError(`--output must end in .npy, found ${output}.`);
  const rowsFile = output.replace(/\.npy$/, '.jsonl');
  for (const file of [output, rowsFile]) {
    if (existsSync(file) && !options.overwrite)
      throw new CommandError(`${file} exists. Choose another --output, or give --overwrite.`);
  }
  const dataset = await openData(data, context);
  try {
    await useBackend(options);
    const { backbone } = await openModel(modelName, context);
    const progress = context.console.progress('embedding', { total: dataset.length, unit: 'images' });
    const { embeddings, dimensions, failed, imagesPerSecond } = await embedImages({
      backbone,
      dataset,
      decoder: sharpDecoder,
      batchSize: options.batchSize,
      flip: options.flip === true,
      signal: context.signal,
      onProgress: ({ done, imagesPerSecond: rate }) => progress.update(done, { rate }),
    });
    progress.stop();
    reportUndecodable(failed, context, 'get a row of zeros');
    if (options.normalize) normaliseRows(embeddings, dimensions);

    const reasons = new Map(failed.map(({ position, reason }) => [position, reason]));
    await writeAtomically(output, [
      npyHeader([dataset.length, dimensions]),
      new Uint8Array(embeddings.buffer, embeddings.byteOffset, embeddings.byteLength),
    ]);
    await writeAtomically(
      rowsFile,
      (function* () {
        for (let i = 0; i < dataset.length; i++) {
          const reason = reasons.get(i);
          const row = {
            key: dataset.key(i),
            label: dataset.labels[i],
            ...(reason === undefined ? {} : { failed: reason }),
          };
          yield `${JSON.stringify(row)}\n`;
        }
      })(),
    );
    context.console.result({ images: dataset.length, dimensions, imagesPerSecond, failed: failed.length }, [
      `${dataset.length} embeddings of ${dimensions} dimensions in ${output} (${imagesPerSecond.toFixed(1)} images/s)`,
    ]);
  } finally {
    await dataset.close();
  }
}

function normaliseRows(embeddings: Float32Array, dimensions: number): void {
  for (let start = 0; start < embeddings.length; start += dimensions) {
    const row = embeddings.subarray(start, start + dimensions);
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    if (norm > 0) for (let d = 0; d < dimensions; d++) row[d]! /= norm;
  }
}

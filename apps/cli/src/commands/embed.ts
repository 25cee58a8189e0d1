/** `arcface embed`: the embedding of every image of a dataset, as a NumPy or safetensors file. */

import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { serializeSafetensorsHeader } from '@arcface/backbones';
import type { FaceDataset } from '@arcface/recordio';
import { datasetFingerprint, embedImages, TrainingError } from '@arcface/trainer';
import type { Command } from 'commander';
import { useBackend } from '../backend.ts';
import { type Shard, sha256OfFile } from '../cleaning/embedding-store.ts';
import { shard } from '../cleaning/work-options.ts';
import {
  type CommandContext,
  type ComputeOptions,
  defineCommand,
  required,
  type SharedOptions,
  withComputeOptions,
} from '../cli/define-command.ts';
import { imagesAPass, type PassOptions, withPassOptions } from '../cli/images-a-pass.ts';
import { INTERRUPTED } from '../cli/interrupt.ts';
import { CommandError, UsageError } from '../cli/usage-error.ts';
import { openData, reportUndecodable } from '../data.ts';
import { sharpDecoder } from '../decode.ts';
import { discardPartial, EmbeddingsOutput, hasPartial } from '../embeddings-output.ts';
import { type Model, type ModelOptions, openModel, withModelOptions } from '../model.ts';
import { npyHeader } from '../npy.ts';
import {
  isShardDone,
  mergeShards,
  recordShard,
  rowsOfShard,
  type ShardRows,
  shardOutput,
} from './embed-shards.ts';

interface EmbedCommandOptions extends SharedOptions, ComputeOptions, PassOptions, ModelOptions {
  readonly data?: string;
  readonly output?: string;
  readonly flip?: boolean;
  readonly normalize?: boolean;
  readonly overwrite?: boolean;
  readonly resume?: boolean;
  readonly shard?: Shard;
}

/** Batches between two points from which a stopped run can go on. */
const BATCHES_A_PART = 128;

export function embedCommand(): Command {
  return defineCommand<EmbedCommandOptions>({
    name: 'embed',
    description:
      'Write the embedding of every image as float32 rows (.npy, or .safetensors with a tensor "embeddings"), in data order, ' +
      'with a .jsonl beside it that names key and label of each row. An image that cannot be decoded has a row of zeros and ' +
      'a "failed" in its line. Ctrl-C leaves what --resume goes on with. With --shard 2/4 it makes one of four parts, in files beside ' +
      'the output, and `arcface embed merge --output FILE` joins them to what one run would have written.',
    example: 'arcface embed --model face.onnx --data faces --output faces.npy --normalize',
    options: (command) =>
      withComputeOptions(
        withPassOptions(withModelOptions(command.argument('[merge]', 'join the shards of --output')))
          .option('--data <data>', 'a .rec, a folder with a train.rec, a folder of folders, or a .lst')
          .option('--output <file>', 'the .npy or .safetensors to write')
          .option('--flip', 'add the embedding of the mirror image')
          .option('--normalize', 'rows of length 1 (default: as the network gives them)')
          .option('--overwrite', 'replace the output, and what a stopped run left')
          .option('--resume', 'go on with a run that was stopped')
          .option('--shard <i/n>', 'only the i-th of n parts; what is there already stays', shard),
      ),
    run: (options, context, [operand]) => {
      if (operand === undefined) return embed(options, context);
      if (operand !== 'merge') throw new UsageError(`embed takes options only, or merge; found ${operand}.`);
      return merge(options, context);
    },
  });
}

async function merge(options: EmbedCommandOptions, { console }: CommandContext): Promise<void> {
  const { output, lines } = outputOf(options);
  refuseExisting(output, lines, { resume: true, overwrite: options.overwrite === true });
  const merged = await mergeShards(output, lines, (shape) => headerOf(output, shape));
  console.result(merged, [`${merged.images} embeddings of ${merged.dimensions} dimensions in ${output}`]);
}

/** @throws {UsageError} for a format that is none */
function outputOf({ output: given, shard: part }: EmbedCommandOptions): { output: string; lines: string } {
  const whole = required(given, '--output');
  if (!/\.(npy|safetensors)$/.test(whole)) {
    throw new UsageError(`--output must end in .npy or .safetensors, found ${whole}.`);
  }
  const output = part ? shardOutput(whole, part) : whole;
  return { output, lines: output.replace(/\.[a-z]+$/, '.jsonl') };
}

async function embed(options: EmbedCommandOptions, context: CommandContext): Promise<void> {
  const { output, lines } = outputOf(options);
  const modelName = required(options.model, '--model');
  const data = required(options.data, '--data');
  const { overwrite = false, shard: part } = options;
  if (options.resume && overwrite) throw new UsageError('--resume and --overwrite contradict each other.');
  // Whoever repeats a shard (a scheduler, after a machine was lost) wants what is missing of it.
  const resume = options.resume === true || (part !== undefined && !overwrite);
  if (!part) refuseExisting(output, lines, { resume, overwrite });
  const dataset = await openData(data, context);
  try {
    await useBackend(options);
    const model = await openModel(modelName, context, {
      ...options,
      samples: dataset,
      withSubcenters: false,
    });
    const { embeddingSize: dimensions } = model.backbone;
    await mkdir(dirname(output), { recursive: true });
    if (overwrite) await discardPartial(output, lines);
    const { flip = false, normalize = false } = options;
    const batchSize = imagesAPass(options);
    const rows = part
      ? rowsOfShard(dataset.length, BATCHES_A_PART * batchSize, part)
      : { start: 0, end: dataset.length };
    const identity = {
      data: datasetFingerprint(dataset).hash,
      images: dataset.length,
      model: await sha256OfFile(model.path),
      ...{ dimensions, flip, normalize, feeding: model.feeding ?? '' },
      // Where shards are cut, and which images share a batch.
      ...(part ? { batchSize } : {}),
    };
    if (part && !overwrite && (await isShardDone(output, identity))) {
      context.console.result({ ...rows, shard: nameOf(part) }, [`shard ${nameOf(part)} is there already`]);
      return;
    }
    const file = await EmbeddingsOutput.open({
      output,
      lines,
      header: headerOf(output, [rows.end - rows.start, dimensions]),
      identity,
      resume,
    });
    if (file.images > 0) context.console.log(`${output}: going on behind ${file.images} images`);
    const begun = performance.now();
    const before = file.images;
    if (!(await embedParts({ ...options, batchSize, file, dataset, model, rows }, context))) {
      process.exitCode = INTERRUPTED;
      return;
    }
    await model.close?.();
    const { images, failed } = file;
    if (!part && failed === images) {
      await file.discard();
      throw new CommandError(`None of the ${images} images can be decoded; nothing was written.`);
    }
    await file.finish();
    if (part) await recordShard(output, { ...rows, identity, failed });
    const imagesPerSecond = ((images - before) * 1000) / (performance.now() - begun);
    const shardName = part ? { shard: nameOf(part) } : {};
    context.console.result({ images, dimensions, imagesPerSecond, failed, ...shardName }, [
      `${images} embeddings of ${dimensions} dimensions in ${output} (${imagesPerSecond.toFixed(1)} images/s)`,
    ]);
  } finally {
    await dataset.close();
  }
}

function nameOf({ index, count }: Shard): string {
  return `${index + 1}/${count}`;
}

function refuseExisting(
  output: string,
  lines: string,
  { resume, overwrite }: { resume: boolean; overwrite: boolean },
): void {
  if (overwrite) return;
  for (const file of [output, lines]) {
    if (existsSync(file)) {
      throw new CommandError(`${file} exists. Choose another --output, or give --overwrite.`);
    }
  }
  if (!resume && hasPartial(output)) {
    throw new CommandError(
      `A run that was stopped has left ${output}.partial. Give --resume to go on with it, or --overwrite to begin again.`,
    );
  }
}

function headerOf(output: string, shape: readonly [number, number]): Uint8Array {
  return output.endsWith('.npy')
    ? npyHeader(shape)
    : serializeSafetensorsHeader([{ name: 'embeddings', dtype: 'float32', shape }]);
}

interface Parts {
  readonly file: EmbeddingsOutput;
  readonly dataset: FaceDataset;
  readonly model: Model;
  readonly batchSize: number;
  readonly rows: ShardRows;
  readonly flip?: boolean;
  readonly normalize?: boolean;
}

/**
 * Embeds what is left, part by part.
 *
 * @returns whether all is done; false when Ctrl-C came first
 */
async function embedParts(parts: Parts, context: CommandContext): Promise<boolean> {
  const { file, dataset, model, batchSize, rows, flip = false, normalize = false } = parts;
  const total = rows.end - rows.start;
  const { console, signal } = context;
  const progress = console.progress('embedding', { total, unit: 'images' });
  const failures: { key: number | string; reason: string }[] = [];
  try {
    while (file.images < total) {
      const before = file.images;
      const start = rows.start + before;
      const length = Math.min(BATCHES_A_PART * batchSize, rows.end - start);
      const part = { length, read: (position: number) => dataset.read(start + position) };
      const { embeddings, failed } = await embedImages({
        backbone: model.backbone,
        dataset: part,
        decoder: sharpDecoder,
        batchSize,
        flip,
        signal,
        onProgress: ({ done, imagesPerSecond: rate }) => progress.update(before + done, { rate }),
      }).catch((error: unknown) => nothingDecodable(error, length, model.backbone.embeddingSize));
      if (normalize) normaliseRows(embeddings, model.backbone.embeddingSize);
      const reasons = new Map(failed.map(({ position, reason }) => [start + position, reason]));
      const lines = Array.from({ length }, (_, i) => {
        const reason = reasons.get(start + i);
        return {
          key: dataset.key(start + i),
          label: dataset.labels[start + i],
          ...(reason === undefined ? {} : { failed: reason }),
        };
      });
      for (const [position, reason] of reasons) failures.push({ key: dataset.key(position), reason });
      await file.append(embeddings, lines, failed.length);
    }
  } catch (error) {
    await file.close();
    if (!signal.aborted) throw error;
    console.log(`stopped behind ${file.images} of ${total} images; --resume goes on there`);
    return false;
  } finally {
    progress.stop();
    reportUndecodable(failures, context, 'get a row of zeros');
  }
  return true;
}

/** A part in which no image can be decoded is no reason to stop. */
function nothingDecodable(error: unknown, length: number, dimensions: number) {
  if (!(error instanceof TrainingError) || error.code !== 'nothing-decodable') throw error;
  const failed = Array.from({ length }, (_, position) => ({ position, reason: 'cannot be decoded' }));
  return { embeddings: new Float32Array(length * dimensions), failed };
}

function normaliseRows(embeddings: Float32Array, dimensions: number): void {
  for (let start = 0; start < embeddings.length; start += dimensions) {
    const row = embeddings.subarray(start, start + dimensions);
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    if (norm > 0) for (let d = 0; d < dimensions; d++) row[d]! /= norm;
  }
}

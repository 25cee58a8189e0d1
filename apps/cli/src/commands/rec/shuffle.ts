/** `arcface rec shuffle`: the images of a file in a random order, so that reading from front to back is a shuffle. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  copyRecords,
  type RecordLayout,
  type RecordsSurvey,
  RecordWriter,
  serializeIndex,
  shuffledPositions,
  surveyRecords,
} from '@arcface/recordio';
import type { Command } from 'commander';
import { writeAtomically } from '../../atomic-file.ts';
import {
  type CommandContext,
  defineCommand,
  required,
  type SharedOptions,
} from '../../cli/define-command.ts';
import { wholeNumber } from '../../cli/option-values.ts';
import { CommandError } from '../../cli/usage-error.ts';
import {
  inputLayoutOption,
  type RecordInputOptions,
  withByteProgress,
  withRecordInput,
  withRecords,
} from './record-input.ts';
import {
  outputFiles,
  type RecordOutputOptions,
  refuseUsedOutput,
  withRecordOutput,
  writeRecordOutput,
  writeWhole,
} from './record-output.ts';

interface ShuffleOptions extends SharedOptions, RecordInputOptions, RecordOutputOptions {
  readonly inputLayout: 'auto' | RecordLayout;
  readonly seed: number;
}

/** What goes with records in a folder and stays true of them in any order. */
const COMPANIONS = ['property', 'identities.json'];

export function shuffleCommand(): Command {
  return defineCommand<ShuffleOptions>({
    name: 'shuffle',
    description:
      'Write the images of a file in an order that only the seed determines. The result is flat: header and identity ' +
      'records, which go by the order, stay behind. Records are copied as they are and keep their keys. Memory is ' +
      'some bytes a record, however large the file.',
    example: 'arcface rec shuffle faces/train.rec --output shuffled --seed 1',
    options: (command) =>
      withRecordOutput(withRecordInput(command))
        .option('--seed <n>', 'determines the order', wholeNumber(0), 0)
        .addOption(inputLayoutOption()),
    run: shuffle,
  });
}

async function shuffle(
  options: ShuffleOptions,
  context: CommandContext,
  [named]: readonly string[],
): Promise<void> {
  const { console, signal } = context;
  const output = required(options.output, '--output');
  await refuseUsedOutput(output, options.overwrite);
  await withRecords(named!, options, async ({ path, records, index }) => {
    const survey = await surveyRecords({ records, index, layout: options.inputLayout, signal });
    const chosen = rowsToShuffle(survey);
    const order = shuffledPositions(chosen.length, options.seed);
    const rows = Array.from(order, (position) => chosen[position]!);
    const keys = Float64Array.from(rows, (row) => survey.keys[row]!);
    if (keys.some((key) => Number.isNaN(key))) {
      throw new CommandError(
        'The index does not have all records. Make a new one with arcface rec index, or give --no-index.',
      );
    }
    const leftOut = survey.offsets.length - chosen.length;
    if (leftOut > 0) console.log(`${leftOut} records without an image stay behind`);
    const bytes = await withByteProgress(context, 'shuffling', records, (onProgress) =>
      writeRecordOutput(output, options.overwrite, async (streams) => {
        const writer = new RecordWriter(streams.records);
        const offsets = await copyRecords({
          records,
          offsets: rows.map((row) => survey.offsets[row]!),
          writer,
          signal,
          onProgress: (_, copied) => onProgress(copied),
        });
        await writer.close();
        await writeWhole(streams.index, serializeIndex({ keys, offsets }));
        return writer.offset;
      }),
    );
    if (!output.endsWith('.rec')) await copyCompanions(dirname(path), output);
    const files = outputFiles(output);
    console.result(
      { records: rows.length, leftOut, bytes, seed: options.seed, output: files.records, index: files.index },
      [
        `${rows.length} records, ${bytes} bytes, shuffled with seed ${options.seed}`,
        `records  ${files.records}`,
      ],
    );
  });
}

/** The images; all records of a file that has none. */
function rowsToShuffle({ layout, images, offsets }: RecordsSurvey): Int32Array {
  return layout === 'raw' ? Int32Array.from(offsets.keys()) : images;
}

async function copyCompanions(from: string, to: string): Promise<void> {
  for (const name of COMPANIONS) {
    const path = join(from, name);
    if (existsSync(path)) await writeAtomically(join(to, name), [await readFile(path)]);
  }
}

/** `arcface rec cat`: one record to stdout. */
import { existsSync } from 'node:fs';
import { parseImageRecord, parseIndex, readRecord, surveyRecords } from '@arcface/recordio';
import type { Command } from 'commander';
import { writeAtomically } from '../../atomic-file.ts';
import { type CommandContext, defineCommand, type SharedOptions } from '../../cli/define-command.ts';
import { wholeNumber } from '../../cli/option-values.ts';
import { writeOut } from '../../cli/standard-output.ts';
import { CommandError, UsageError } from '../../cli/usage-error.ts';
import { hintAtRaw } from './raw-hint.ts';
import { type RecordInput, type RecordInputOptions, withRecordInput, withRecords } from './record-input.ts';
import { recordRow } from './record-row.ts';

interface CatOptions extends SharedOptions, RecordInputOptions {
  readonly offset?: number;
  readonly raw?: boolean;
  readonly output?: string;
  readonly overwrite?: boolean;
}

export function catCommand(): Command {
  return defineCommand<CatOptions>({
    name: 'cat',
    description:
      "Write one record's image to stdout. With --json its line of `rec ls` instead; with --output both, the image to the file.",
    example: 'arcface rec cat faces/train.rec 17 > face.jpg',
    options: (command) =>
      withRecordInput(command)
        .argument('[key]', 'key of the record')
        .option('--offset <bytes>', 'the record that starts at this byte, instead of a key', wholeNumber(0))
        .option('--raw', 'the whole payload, image header included')
        .option('--output <file>', 'write to a file')
        .option('--overwrite', 'replace the file'),
    run: cat,
  });
}

async function cat(
  options: CatOptions,
  { console, signal }: CommandContext,
  [named, keyText]: readonly string[],
): Promise<void> {
  const { output } = options;
  if ((keyText === undefined) === (options.offset === undefined)) {
    throw new UsageError('Which record? Give its key, or --offset.');
  }
  const key = keyText === undefined ? undefined : parseKey(keyText);
  if (output !== undefined && existsSync(output) && !options.overwrite) {
    throw new CommandError(`${output} exists. Choose another --output, or give --overwrite.`);
  }
  await withRecords(named!, options, async (input) => {
    const offset = options.offset ?? (await offsetOf(key!, input, signal));
    if (offset >= input.records.byteLength) {
      throw new CommandError(
        `No record starts at byte ${offset}: ${input.path} ends at byte ${input.records.byteLength}.`,
      );
    }
    const { payload } = await readRecord(input.records, offset, { signal });
    const image = options.raw ? undefined : parsedImage(payload, offset);
    if (output !== undefined) await writeAtomically(output, [image?.content ?? payload]);
    const row = recordRow({ key, offset, payload, image });
    if (console.json) console.result(output === undefined ? row : { ...row, output }, []);
    else if (output === undefined) await writeOut(image?.content ?? payload);
    else console.result(row, [`${(image?.content ?? payload).length} bytes in ${output}`]);
  });
}

function parseKey(text: string): number {
  const key = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(key)) return key;
  throw new UsageError(`A key is a whole number, not "${text}".`);
}

function parsedImage(payload: Uint8Array, offset: number): ReturnType<typeof parseImageRecord> {
  try {
    return parseImageRecord(payload, { offset });
  } catch (error) {
    throw hintAtRaw(error);
  }
}

/** Without an index, the whole file is walked through. */
async function offsetOf(
  key: number,
  { path, records, index }: RecordInput,
  signal: AbortSignal,
): Promise<number> {
  const { keys, offsets } =
    index === undefined
      ? await surveyRecords({ records, layout: 'flat', signal })
      : parseIndex(await index.read(0, index.byteLength, { signal }));
  const row = keys.indexOf(key);
  if (row !== -1) return offsets[row]!;
  throw new CommandError(
    `There is no record with key ${key} in ${index?.path ?? path}; arcface rec ls lists all keys.`,
  );
}

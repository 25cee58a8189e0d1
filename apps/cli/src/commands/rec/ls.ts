/** `arcface rec ls`: every record of a file, a line each. */
import { type ListedRecord, listRecords } from '@arcface/recordio';
import type { Command } from 'commander';
import { type CommandContext, defineCommand, type SharedOptions } from '../../cli/define-command.ts';
import { writeOut } from '../../cli/standard-output.ts';
import { hintAtRaw } from './raw-hint.ts';
import { type RecordInputOptions, withRecordInput, withRecords } from './record-input.ts';
import { recordRow } from './record-row.ts';

interface LsOptions extends SharedOptions, RecordInputOptions {
  readonly raw?: boolean;
}

/** Characters of lines that are written at once. */
const CHUNK = 1 << 16;

export function lsCommand(): Command {
  return defineCommand<LsOptions>({
    name: 'ls',
    description:
      'List all records in the order of the file. With --json a JSON object a line: ' +
      '{key, offset, length, flag, labels, id, id2, sha256}, length and sha256 being those of what follows header and ' +
      'labels. A key that the index does not have is null; ids past 2^53 are strings of digits.',
    example: 'arcface rec ls faces/train.rec --json | jq -r .sha256 | sort | uniq -d',
    options: (command) =>
      withRecordInput(command).option(
        '--raw',
        'do not take image headers apart: {key, offset, length, sha256} of whole payloads',
      ),
    run: ls,
  });
}

async function ls(
  options: LsOptions,
  { console, signal }: CommandContext,
  [named]: readonly string[],
): Promise<void> {
  const raw = options.raw === true;
  const lineOf = console.json ? jsonLine : raw ? rawLine : imageLine;
  await withRecords(named!, options, async ({ records, index }) => {
    // A bar and a listing on one terminal would be neither.
    const progress = process.stdout.isTTY
      ? undefined
      : console.progress('listing', { total: records.byteLength, unit: 'bytes' });
    const onProgress = (done: number) => progress?.update(done);
    let lines = console.json ? '' : `${(raw ? RAW_COLUMNS : IMAGE_COLUMNS).join('\t')}\n`;
    let unlisted = 0;
    try {
      for await (const record of listRecords({ records, index, raw, signal, onProgress })) {
        lines += `${lineOf(record)}\n`;
        unlisted += record.key === undefined ? 1 : 0;
        if (lines.length >= CHUNK) {
          await writeOut(lines);
          lines = '';
        }
      }
    } catch (error) {
      throw hintAtRaw(error);
    } finally {
      await writeOut(lines);
      progress?.stop();
    }
    if (unlisted > 0)
      console.warn(`the index does not have ${unlisted} of the records; see arcface rec verify`);
  });
}

const RAW_COLUMNS = ['key', 'offset', 'length'];
const IMAGE_COLUMNS = [...RAW_COLUMNS, 'flag', 'id', 'id2', 'labels'];

function jsonLine(record: ListedRecord): string {
  return JSON.stringify(recordRow(record));
}

function rawLine({ key, offset, payload }: ListedRecord): string {
  return [key ?? '-', offset, payload.length].join('\t');
}

function imageLine({ key, offset, image }: ListedRecord): string {
  const { content, flag, id, id2, labels } = image!;
  return [key ?? '-', offset, content.length, flag, id, id2, labels.join(' ')].join('\t');
}

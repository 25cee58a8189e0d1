/** `arcface rec repair`: what is whole of a damaged file. */
import { isRecordIOError, repairRecords, serializeIndex, surveyRecords } from '@arcface/recordio';
import type { Command } from 'commander';
import {
  type CommandContext,
  defineCommand,
  required,
  type SharedOptions,
} from '../../cli/define-command.ts';
import { CommandError } from '../../cli/usage-error.ts';
import { type RecordInputOptions, withByteProgress, withRecordInput, withRecords } from './record-input.ts';
import {
  outputFiles,
  type RecordOutputOptions,
  refuseUsedOutput,
  withRecordOutput,
  writeRecordOutput,
  writeWhole,
} from './record-output.ts';

interface RepairCommandOptions extends SharedOptions, RecordInputOptions, RecordOutputOptions {}

export function repairCommand(): Command {
  return defineCommand<RepairCommandOptions>({
    name: 'repair',
    description:
      'Copy every whole record of a damaged file into a new one with a new .idx, and list what was lost. After a fault ' +
      'reading goes on where the next record begins. Records keep the keys that the old .idx has for them, else their ids.',
    example: 'arcface rec repair damaged.rec --output whole.rec --json',
    options: (command) => withRecordOutput(withRecordInput(command)),
    run: repair,
  });
}

async function repair(
  options: RepairCommandOptions,
  context: CommandContext,
  [named]: readonly string[],
): Promise<void> {
  const { console, signal } = context;
  const output = required(options.output, '--output');
  await refuseUsedOutput(output, options.overwrite);
  await withRecords(named!, options, async ({ path, records, index }) => {
    const report = await withByteProgress(context, 'repairing', records, (onProgress) =>
      writeRecordOutput(output, options.overwrite, async (streams) => {
        const repaired = await repairRecords({ records, index, output: streams.records, signal, onProgress });
        if (repaired.records === 0)
          throw new CommandError(`There is no whole record in ${path}. Nothing was written.`);
        await writeWhole(streams.index, serializeIndex(repaired.index));
        return repaired;
      }),
    );
    const files = outputFiles(output);
    if (report.lost.length > 0) await warnOfIdentities(files.records, output, context);
    const lostBytes = report.lost.reduce((sum, { offset, end }) => sum + end - offset, 0);
    const lost = report.lost.map(({ offset, end, key, fault, message }) => ({
      offset,
      end,
      key,
      fault,
      message,
    }));
    console.result({ records: report.records, lost, lostBytes, output: files.records, index: files.index }, [
      ...lost.map(({ offset, end, fault, message }) => `lost ${offset} to ${end}\t${fault}\t${message}`),
      `${report.records} records kept, ${lost.length} stretches lost (${lostBytes} bytes)`,
      `records  ${files.records}`,
    ]);
  });
}

/** Identity records go on counting images that were lost; says how to get a dataset without these. */
async function warnOfIdentities(
  path: string,
  output: string,
  { console, signal }: CommandContext,
): Promise<void> {
  try {
    await withRecords(path, { index: true }, ({ records, index }) =>
      surveyRecords({ records, index, signal }),
    );
  } catch (error) {
    if (!isRecordIOError(error)) throw error;
    console.warn(
      `the identity records no longer fit what is left (${error.message}). To have a dataset of it: ` +
        `arcface rec pack ${output} --input-layout flat --output <folder>`,
    );
  }
}

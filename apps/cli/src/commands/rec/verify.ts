/** `arcface rec verify`: every fault of a record file and its index. */
import { type RecordFault, verifyRecords } from '@arcface/recordio';
import type { Command } from 'commander';
import { type CommandContext, defineCommand, type SharedOptions } from '../../cli/define-command.ts';
import { wholeNumber } from '../../cli/option-values.ts';
import { UsageError } from '../../cli/usage-error.ts';
import { type RecordInputOptions, withByteProgress, withRecordInput, withRecords } from './record-input.ts';

interface VerifyRecordsOptions extends SharedOptions, RecordInputOptions {
  readonly images?: boolean;
  readonly raw?: boolean;
  readonly maxFaults: number;
}

export function verifyRecordsCommand(): Command {
  return defineCommand<VerifyRecordsOptions>({
    name: 'verify',
    description:
      'Check a file to its end and name every fault with its byte offset, and the .idx beside it. Ends with 1 if there ' +
      'are faults. Image headers and identity records are checked, too, if most records have a header.',
    example: 'arcface rec verify faces/train.rec --json',
    options: (command) =>
      withRecordInput(command)
        .option('--images', 'a record without an image header is a fault, even if most are without')
        .option('--raw', 'do not look into the payloads')
        .option('--max-faults <n>', 'faults to list at most; all are counted', wholeNumber(1), 10_000),
    run: verify,
  });
}

async function verify(
  options: VerifyRecordsOptions,
  context: CommandContext,
  [named]: readonly string[],
): Promise<void> {
  const { console, signal } = context;
  if (options.images && options.raw) throw new UsageError('--images and --raw contradict each other.');
  const imageRecords = options.images ? true : options.raw ? false : 'auto';
  await withRecords(named!, options, async ({ path, records, index }) => {
    const { maxFaults } = options;
    const report = await withByteProgress(context, 'checking', records, (onProgress) =>
      verifyRecords({ records, index, imageRecords, maxFaults, signal, onProgress }),
    );
    const { records: whole, faults, faultCount } = report;
    if (faultCount > 0) process.exitCode = 1;
    const more = faultCount - faults.length;
    console.result({ records: whole, faults: faults.map(faultRow), faultCount }, [
      ...faults.map(({ offset, fault, message }) => `${offset}\t${fault}\t${message}`),
      ...(more > 0 ? [`... and ${more} more`] : []),
      `${path}: ${whole} whole records, ${faultCount === 0 ? 'no fault' : `${faultCount} faults`}`,
    ]);
  });
}

/** In the order in which the contract names the keys. */
function faultRow({ offset, key, fault, file, message }: RecordFault): object {
  return { offset, key, fault, file, message };
}

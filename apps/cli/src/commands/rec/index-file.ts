/** `arcface rec index`: a new `.idx` for a `.rec`. */
import { existsSync } from 'node:fs';
import { serializeIndex, surveyRecords } from '@arcface/recordio';
import { indexPathOf } from '@arcface/recordio/node';
import type { Command } from 'commander';
import { writeAtomically } from '../../atomic-file.ts';
import { type CommandContext, defineCommand, type SharedOptions } from '../../cli/define-command.ts';
import { CommandError } from '../../cli/usage-error.ts';
import { recordPath, withByteProgress, withRecords } from './record-input.ts';

interface IndexOptions extends SharedOptions {
  readonly output?: string;
  readonly overwrite?: boolean;
}

export function indexCommand(): Command {
  return defineCommand<IndexOptions>({
    name: 'index',
    description:
      "Write the .idx of a .rec anew. Keys are the ids in the records' headers, or the records' places in the file if " +
      'ids are not distinct or some records have no header. Reads the headers of all records, no image.',
    example: 'arcface rec index faces/train.rec',
    options: (command) =>
      command
        .argument('<records>', 'a .rec, or a folder with a train.rec')
        .option('--output <file>', 'the .idx to write (default: beside the .rec)')
        .option('--overwrite', 'replace it'),
    run: writeIndex,
  });
}

async function writeIndex(
  options: IndexOptions,
  context: CommandContext,
  [named]: readonly string[],
): Promise<void> {
  const { console, signal } = context;
  const output = options.output ?? indexPathOf(recordPath(named!));
  if (existsSync(output) && !options.overwrite) {
    throw new CommandError(`${output} exists. Choose another --output, or give --overwrite.`);
  }
  await withRecords(named!, { index: false }, async ({ records }) => {
    const survey = await withByteProgress(context, 'indexing', records, (onProgress) =>
      surveyRecords({ records, layout: 'flat', signal, onProgress }),
    );
    const { keys, offsets, keysFrom, layout } = survey;
    if (keysFrom === 'places') {
      const why =
        layout === 'raw' ? 'some records have no image header' : 'ids are not distinct numbers below 2^53';
      console.warn(`${why}; keys are places in the file`);
    }
    await writeAtomically(output, [serializeIndex({ keys, offsets })]);
    console.result({ records: offsets.length, keysFrom, output }, [
      `${offsets.length} records in ${output}, keys from ${keysFrom}`,
    ]);
  });
}

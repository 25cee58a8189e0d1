/** `arcface rec merge`: several datasets as one. */
import {
  copyRecords,
  type FaceDataset,
  mergeDatasets,
  type RecordLayout,
  RecordWriter,
  serializeIndex,
  surveyRecords,
} from '@arcface/recordio';
import { type Command, Option } from 'commander';
import {
  type CommandContext,
  defineCommand,
  required,
  type SharedOptions,
} from '../../cli/define-command.ts';
import { CommandError } from '../../cli/usage-error.ts';
import { openData } from '../../data.ts';
import { firstImageSize } from '../../image-size.ts';
import { inputLayoutOption, withByteProgress, withRecords } from './record-input.ts';
import {
  datasetResult,
  outputFiles,
  outputLayoutOption,
  type RecordOutputOptions,
  refuseUsedOutput,
  withRecordOutput,
  writeDataset,
  writeRecordOutput,
  writeWhole,
} from './record-output.ts';

interface MergeCommandOptions extends SharedOptions, RecordOutputOptions {
  readonly layout: RecordLayout;
  readonly inputLayout: 'auto' | RecordLayout;
  readonly identities: 'apart' | 'by-label' | 'by-name';
  readonly raw?: boolean;
}

export function mergeCommand(): Command {
  return defineCommand<MergeCommandOptions>({
    name: 'merge',
    description:
      'Write the images of several datasets into one. Identities of different datasets are different people unless ' +
      '--identities says which are the same.',
    example: 'arcface rec merge a/train.rec b/train.rec --output both --identities by-name',
    options: (command) =>
      withRecordOutput(command.argument('<data...>', 'two or more of: a .rec, a folder of folders, a .lst'))
        .addOption(outputLayoutOption())
        .addOption(inputLayoutOption())
        .addOption(
          new Option('--identities <how>', 'which identities of different datasets are one person')
            .choices(['apart', 'by-label', 'by-name'])
            .default('apart'),
        )
        .option('--raw', 'join the records of .rec files as they are; keys stay unless two are the same'),
    run: merge,
  });
}

async function merge(
  options: MergeCommandOptions,
  context: CommandContext,
  inputs: readonly string[],
): Promise<void> {
  const output = required(options.output, '--output');
  await refuseUsedOutput(output, options.overwrite);
  if (options.raw) return joinRecords(inputs, output, options.overwrite, context);
  const opened: FaceDataset[] = [];
  try {
    for (const input of inputs) {
      opened.push(await openData(input, context, { layout: options.inputLayout }));
    }
    const dataset = mergeDatasets(opened, { identities: options.identities });
    const { layout, overwrite } = options;
    const imageSize = await firstImageSize(dataset);
    const summary = await writeDataset({ dataset, output, layout, overwrite, imageSize }, context);
    context.console.result(...datasetResult(summary, output, layout));
  } finally {
    await Promise.all(opened.map((dataset) => dataset.close()));
  }
}

/** One file after another, each record as it is. */
async function joinRecords(
  inputs: readonly string[],
  output: string,
  overwrite: boolean | undefined,
  context: CommandContext,
): Promise<void> {
  const { console } = context;
  const { records, bytes, keys } = await writeRecordOutput(output, overwrite, async (streams) => {
    const writer = new RecordWriter(streams.records);
    const all: { key: number; offset: number }[] = [];
    for (const input of inputs) {
      for (const entry of await appendRecords(input, writer, context)) all.push(entry);
    }
    await writer.close();
    const distinct = new Set(all.map(({ key }) => key)).size === all.length;
    const keepKeys = distinct && all.every(({ key }) => !Number.isNaN(key));
    const index = {
      keys: Float64Array.from(all, ({ key }, place) => (keepKeys ? key : place)),
      offsets: Float64Array.from(all, ({ offset }) => offset),
    };
    await writeWhole(streams.index, serializeIndex(index));
    return { records: all.length, bytes: writer.offset, keys: keepKeys ? 'kept' : 'places' };
  });
  const files = outputFiles(output);
  if (keys === 'places') console.warn('two records have one key; keys are places in the new file now');
  console.result({ records, bytes, keys, output: files.records, index: files.index }, [
    `${records} records, ${bytes} bytes`,
    `records  ${files.records}`,
  ]);
}

async function appendRecords(
  input: string,
  writer: RecordWriter,
  context: CommandContext,
): Promise<{ key: number; offset: number }[]> {
  const { signal } = context;
  return withRecords(input, { index: true }, async ({ path, records, index }) => {
    const survey = await surveyRecords({ records, index, signal });
    if (survey.layout === 'insightface') {
      throw new CommandError(
        `${path} has identity records, which go by the keys of its images: they would be wrong in a joined file. Merge without --raw.`,
      );
    }
    const offsets = await withByteProgress(context, `joining ${path}`, records, (onProgress) =>
      copyRecords({
        records,
        offsets: survey.offsets,
        writer,
        signal,
        onProgress: (_, bytes) => onProgress(bytes),
      }),
    );
    return Array.from(offsets, (offset, row) => ({ key: survey.keys[row]!, offset }));
  });
}

/** `arcface rec info`: what a record file holds. */
import { labelStatistics, surveyRecords } from '@arcface/recordio';
import type { Command } from 'commander';
import { type CommandContext, defineCommand, type SharedOptions } from '../../cli/define-command.ts';
import {
  inputLayoutOption,
  type RecordInputOptions,
  withByteProgress,
  withRecordInput,
  withRecords,
} from './record-input.ts';

interface InfoOptions extends SharedOptions, RecordInputOptions {
  readonly inputLayout: 'auto' | 'insightface' | 'flat';
}

export function infoCommand(): Command {
  return defineCommand<InfoOptions>({
    name: 'info',
    description:
      'Say how many records, images and identities a file has. Its layout is insightface (with identity records), ' +
      'flat (nothing but images), or raw (not image records). Reads the headers of all records, no image.',
    example: 'arcface rec info faces/train.rec --json',
    options: (command) => withRecordInput(command).addOption(inputLayoutOption()),
    run: info,
  });
}

async function info(
  options: InfoOptions,
  context: CommandContext,
  [named]: readonly string[],
): Promise<void> {
  const { console, signal } = context;
  await withRecords(named!, options, async ({ path, records, index }) => {
    const bytes = records.byteLength;
    const survey = await withByteProgress(context, 'reading headers', records, (onProgress) =>
      surveyRecords({ records, index, layout: options.inputLayout, signal, onProgress }),
    );
    const { layout, keysFrom, identities } = survey;
    const labels = survey.labels.every((label) => Number.isSafeInteger(label) && label >= 0)
      ? Int32Array.from(survey.labels)
      : undefined;
    const spread = labels === undefined || labels.length === 0 ? undefined : labelStatistics({ labels });
    const unlisted = survey.keys.filter((key) => Number.isNaN(key)).length;
    if (unlisted > 0)
      console.warn(`the index does not have ${unlisted} of the records; see arcface rec verify`);
    const [recordCount, images] = [survey.offsets.length, survey.images.length];
    console.result(
      {
        records: recordCount,
        images,
        identities,
        layout,
        bytes,
        keysFrom,
        ...(spread && {
          smallestLabel: spread.smallestLabel,
          largestLabel: spread.largestLabel,
          hasGaps: spread.hasGaps,
          imagesPerIdentity: {
            fewest: spread.fewestImages,
            median: spread.medianImages,
            mean: spread.meanImages,
            most: spread.mostImages,
          },
        }),
      },
      [
        path,
        `  ${recordCount} records, ${bytes} bytes, layout ${layout}, keys from ${keysFrom === 'index' ? 'the index' : keysFrom}`,
        `  ${images} images of ${identities} identities`,
        ...(spread
          ? [
              `  labels ${spread.smallestLabel} to ${spread.largestLabel}${spread.hasGaps ? ', with gaps' : ''}`,
              `  ${spread.fewestImages} to ${spread.mostImages} images an identity, ${spread.meanImages.toFixed(1)} on average; ${spread.singletons} identities have one`,
            ]
          : []),
      ],
    );
  });
}

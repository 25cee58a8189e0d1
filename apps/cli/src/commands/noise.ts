/** `arcface noise`: spoils labels on purpose, with a known truth, to measure what a rule finds on one's own data. */

import { join } from 'node:path';
import { identitiesFromLabels, injectNoise, type NoiseKind, type NoisyLabels } from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';
import { writeFaceDataset } from '@arcface/recordio/node';
import { type Command, Option } from 'commander';
import { stringify } from 'csv-stringify/sync';
import { writeAtomically } from '../atomic-file.ts';
import { type CommandContext, defineCommand, required, type SharedOptions } from '../cli/define-command.ts';
import { numberWithin, wholeNumber } from '../cli/option-values.ts';
import { refuseInputAsOutput, refuseUsedFolder } from '../cli/output-folder.ts';
import { openData } from '../data.ts';
import { imageSizeOf } from '../image-size.ts';

interface NoiseCommandOptions extends SharedOptions {
  readonly data?: string;
  readonly output?: string;
  readonly kind: NoiseKind;
  readonly rate: number;
  readonly outsiders?: string;
  readonly merges?: number;
  readonly layout: 'insightface' | 'flat';
  readonly seed: number;
  readonly overwrite?: boolean;
}

const KINDS = ['open', 'closed', 'mixed', 'uneven', 'pairs', 'merge'] as const satisfies NoiseKind[];
const TRUTH_FILE = 'truth.csv';
/** Some readers end a row at a carriage return, unless it is in quotes. */
const QUOTING = { quoted_match: '\r' };

export function noiseCommand(): Command {
  return defineCommand<NoiseCommandOptions>({
    name: 'noise',
    description:
      'Spoil labels on purpose, to see what a rule finds: writes the dataset with wrong labels, and truth.csv, which ' +
      '`audit --truth` reads. Images are the bytes of the input; only labels change, and outsiders take the place of some.',
    example: 'arcface noise --data faces --output noisy --kind mixed --rate .2 --outsiders strangers',
    options: (command) =>
      command
        .option('--data <data>', 'a .rec, a folder with a train.rec, a folder of folders, or a .lst')
        .option('--output <folder>', 'folder for train.rec, train.idx, property and truth.csv')
        .addOption(
          new Option(
            '--kind <kind>',
            'open: outsiders; closed: swapped labels; mixed: half of each; uneven: mixed, at rates that differ by identity; ' +
              'pairs: all swaps of an identity go to one other; merge: folders of two people',
          )
            .choices(KINDS)
            .default('mixed'),
        )
        .option(
          '--rate <share>',
          "share of images that become bad; with merge the second person's share of a folder",
          numberWithin(0, 1),
          0.2,
        )
        .option('--outsiders <data>', 'images of other people, for open, mixed and uneven')
        .option(
          '--merges <n>',
          'merge: how many folders hold two people (default 25, or all that can)',
          wholeNumber(1),
        )
        .addOption(
          new Option('--layout <layout>', 'records with header and identity records, or flat')
            .choices(['insightface', 'flat'])
            .default('insightface'),
        )
        .option('--seed <n>', 'determines everything that is random', wholeNumber(0, 2 ** 32 - 1), 0)
        .option('--overwrite', 'replace the dataset in the output folder; other files there stay'),
    run: noise,
  });
}

async function noise(options: NoiseCommandOptions, context: CommandContext): Promise<void> {
  const data = required(options.data, '--data');
  const output = required(options.output, '--output');
  if (!options.overwrite) await refuseUsedFolder(output, '--overwrite');
  await refuseInputAsOutput([data, ...(options.outsiders === undefined ? [] : [options.outsiders])], output);
  const dataset = await openData(data, context);
  const outsiders = options.outsiders === undefined ? undefined : await openData(options.outsiders, context);
  try {
    const { kind, rate, seed, merges } = options;
    const noisy = injectNoise(dataset.labels, {
      kind,
      rate,
      seed,
      outsiders: outsiders?.length ?? 0,
      ...(merges === undefined ? {} : { merges }),
    });
    // Records stand by identity, labels close up; rows of the truth stand as the records do.
    const identities = identitiesFromLabels(noisy.label);
    const newLabelOf = new Map(identities.map(({ label }, position) => [label, position]));
    const order = identities.flatMap(({ images }) => [...images]);
    const nameOf = new Map(dataset.identities.map(({ label, name }) => [label, name]));
    const progress = context.console.progress('writing', { total: order.length, unit: 'images' });
    const written = await writeFaceDataset({
      directory: output,
      layout: options.layout,
      property: await imageSizeOf(data, dataset),
      identityNames: new Map(
        identities.flatMap(({ label }, position) => {
          const name = nameOf.get(label);
          return name === undefined ? [] : [[position, name] as const];
        }),
      ),
      overwrite: options.overwrite,
      signal: context.signal,
      onProgress: (images) => progress.update(images),
      images: spoiled(dataset, outsiders, noisy, order, newLabelOf),
      finish: async (folder) => {
        await writeAtomically(
          join(folder, TRUTH_FILE),
          truthRows(dataset, outsiders, noisy, order, newLabelOf, options.layout === 'flat' ? 0 : 1),
        );
      },
    });
    progress.stop();
    const bad = noisy.bad.reduce((sum, each) => sum + each, 0);
    const truth = join(output, TRUTH_FILE);
    context.console.result({ images: order.length, bad, truth, output: written.path }, [
      `${order.length} images of ${identities.length} identities, ${bad} of them under a wrong label`,
      `records  ${written.path}`,
      `truth    ${truth}`,
    ]);
  } finally {
    await dataset.close();
    await outsiders?.close();
  }
}

async function* spoiled(
  dataset: FaceDataset,
  outsiders: FaceDataset | undefined,
  noisy: NoisyLabels,
  order: readonly number[],
  newLabelOf: ReadonlyMap<number, number>,
): AsyncGenerator<{ label: number; bytes: Uint8Array }> {
  for (const i of order) {
    const stranger = noisy.outsider[i]!;
    const { bytes } = await (stranger < 0 ? dataset.read(noisy.image[i]!) : outsiders!.read(stranger));
    yield { label: newLabelOf.get(noisy.label[i]!)!, bytes };
  }
}

function* truthRows(
  dataset: FaceDataset,
  outsiders: FaceDataset | undefined,
  noisy: NoisyLabels,
  order: readonly number[],
  newLabelOf: ReadonlyMap<number, number>,
  firstKey: number,
): Generator<string> {
  yield stringify([['key', 'label', 'bad', 'true', 'source']]);
  for (const [row, i] of order.entries()) {
    const stranger = noisy.outsider[i]!;
    const source = stranger < 0 ? dataset.key(noisy.image[i]!) : outsiders!.key(stranger);
    // A person who has lost their folder to another is an outsider to what is left.
    const truth = noisy.trueLabel[i]! < 0 ? -1 : (newLabelOf.get(noisy.trueLabel[i]!) ?? -1);
    yield stringify(
      [[firstKey + row, newLabelOf.get(noisy.label[i]!)!, noisy.bad[i]!, truth, source]],
      QUOTING,
    );
  }
}

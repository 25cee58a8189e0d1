/** `arcface drop`: step 2 of the main job. Writes a dataset without the images that are off, and says why each one went. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { decide, type Rule, summarise } from '@arcface/cleaner';
import { parseProperty } from '@arcface/recordio';
import { writeFaceDataset } from '@arcface/recordio/node';
import { type Command, Option } from 'commander';
import { writeAtomically } from '../atomic-file.ts';
import { auditDataset, type DatasetAudit, datasetAuditRows } from '../audit-dataset.ts';
import { useBackend } from '../backend.ts';
import {
  type CommandContext,
  type ComputeOptions,
  defineCommand,
  required,
  type SharedOptions,
  withComputeOptions,
} from '../cli/define-command.ts';
import { numberWithin, wholeNumber } from '../cli/option-values.ts';
import { refuseUsedFolder } from '../cli/output-folder.ts';
import { CommandError } from '../cli/usage-error.ts';
import { openData } from '../data.ts';
import { openModel } from '../model.ts';

interface DropOptions extends SharedOptions, ComputeOptions {
  readonly data?: string;
  readonly model?: string;
  readonly output?: string;
  readonly threshold: number;
  readonly k?: number;
  readonly layout: 'insightface' | 'flat';
  readonly classOrder?: 'label' | 'position';
  readonly rule: 'angle' | 'auto';
  readonly requireDominant?: boolean;
  readonly overwrite?: boolean;
  readonly batchSize: number;
}

export function dropCommand(): Command {
  return defineCommand<DropOptions>({
    name: 'drop',
    description:
      "Drop the images that are off their identity's dominant sub-centre by the threshold or more, and write the rest " +
      'with an audit: a line of JSON for every image of the input.',
    example: 'arcface drop --data noisy/train.rec --model run --threshold 75 --k 3 --output clean',
    options: (command) =>
      withComputeOptions(
        command
          .option('--data <data>', 'a .rec, a folder with a train.rec, a folder of folders, or a .lst')
          .option('--model <model>', 'run folder, .safetensors checkpoint, or PREFIX,EPOCH of MXNet')
          .option(
            '--threshold <degrees>',
            'largest angle to the dominant sub-centre',
            numberWithin(0, 180),
            75,
          )
          .option(
            '--k <n>',
            "sub-centres an identity (default: the checkpoint's; 3 for MXNet)",
            wholeNumber(1, 1000),
          )
          .option('--output <folder>', 'folder for train.rec, train.idx, property and audit.jsonl')
          .addOption(
            new Option(
              '--layout <layout>',
              'records with header and identity records, or flat as the reference writes them',
            )
              .choices(['insightface', 'flat'])
              .default('insightface'),
          )
          .addOption(
            new Option(
              '--class-order <order>',
              "what numbers the model's classes: labels, or positions among the identities (the reference's drop.py). " +
                'Default: as the model was trained; the same unless labels have gaps',
            ).choices(['label', 'position']),
          )
          .addOption(
            new Option(
              '--rule <rule>',
              'what decides: the angle, or how likely each image is to be bad (needs no sub-centres)',
            )
              .choices(['angle', 'auto'])
              .default('angle'),
          )
          .option(
            '--require-dominant',
            'drop also what is nearest to another sub-centre than the dominant one',
          )
          .option('--overwrite', 'replace the dataset in the output folder; other files there stay')
          .option('--batch-size <n>', 'images a forward pass', wholeNumber(1, 4096), 64),
      ),
    run: drop,
  });
}

async function drop(options: DropOptions, context: CommandContext): Promise<void> {
  const data = required(options.data, '--data');
  const modelName = required(options.model, '--model');
  const output = required(options.output, '--output');
  if (!options.overwrite) await refuseUsedFolder(output, '--overwrite');
  const dataset = await openData(data, context);
  try {
    await useBackend(options);
    const model = await openModel(modelName, context);
    // The automatic rule judges by the embeddings alone; a network that never saw these labels has no sub-centres for them.
    const subcenters =
      options.rule === 'auto' && !model.hasSubcenters
        ? undefined
        : model.subcenters({
            k: options.k ?? model.subcentersPerIdentity ?? 3,
            classOrder: options.classOrder ?? model.classOrder,
          });
    const audited = await auditDataset(
      {
        dataset,
        backbone: model.backbone,
        subcenters,
        batchSize: options.batchSize,
        auto: options.rule === 'auto',
        trustClassOrder: options.classOrder !== undefined,
      },
      context,
    );
    const decision = decide(audited.audit, ruleOf(options), { layout: options.layout });
    if (decision.kept === 0) {
      throw new CommandError(
        `No image would be left: all ${dataset.length} are ${options.threshold} degrees or more from their dominant sub-centre. ` +
          'Is this the dataset that the model was trained on? Nothing was written.',
      );
    }
    const summary = { ...summarise(audited.audit, decision), undecodable: audited.undecodable.length };
    const progress = context.console.progress('writing', { total: decision.kept, unit: 'images' });
    const auditPath = join(output, 'audit.jsonl');
    const written = await writeFaceDataset({
      directory: output,
      layout: options.layout,
      property: await imageSize(data),
      identityNames: new Map(
        Array.from(
          decision.identitiesKept,
          ({ position }, label) => [label, dataset.identities[position]!.name] as const,
        ).filter((entry): entry is readonly [number, string] => entry[1] !== undefined),
      ),
      overwrite: options.overwrite,
      signal: context.signal,
      onProgress: (images) => progress.update(images),
      images: keptImages(audited, decision),
      // Inside the folder before it gets its name, so that there is never a dataset without its audit.
      finish: async (folder) => {
        await writeAtomically(join(folder, 'audit.jsonl'), lines(datasetAuditRows(audited, decision)));
        await writeAtomically(join(folder, 'summary.json'), [
          `${JSON.stringify({ ...summary, data, model: model.path }, null, 2)}\n`,
        ]);
      },
    });
    progress.stop();
    const { dropped, identities, identitiesKept } = summary;
    const droppedInAll = dropped + audited.undecodable.length;
    context.console.result(
      {
        images: dataset.length,
        kept: decision.kept,
        dropped: droppedInAll,
        undecodable: audited.undecodable.length,
        identities,
        identitiesKept,
        output: written.path,
        audit: auditPath,
      },
      [
        `${dataset.length} images of ${identities} identities: ${decision.kept} kept, ${droppedInAll} dropped (${((100 * droppedInAll) / dataset.length).toFixed(2)} %)`,
        `${identitiesKept} identities kept, ${identities - identitiesKept} lost`,
        `records  ${written.path}`,
        `audit    ${auditPath}`,
      ],
    );
  } finally {
    await dataset.close();
  }
}

function ruleOf({ rule, threshold, requireDominant }: DropOptions): Rule {
  if (rule === 'auto') return { kind: 'auto' };
  return { kind: 'angle', degrees: threshold, requireDominant: requireDominant === true };
}

async function* keptImages(
  { dataset, positions }: DatasetAudit,
  { order, newLabels }: ReturnType<typeof decide>,
): AsyncGenerator<{ label: number; bytes: Uint8Array }> {
  for (const image of order) {
    const { bytes } = await dataset.read(positions[image]!);
    yield { label: newLabels[image]!, bytes };
  }
}

function* lines(rows: Iterable<object>): Generator<string> {
  for (const row of rows)
    yield `${JSON.stringify(row)}
`;
}

/** Image size that the input's own `property` file states, if it has one. */
async function imageSize(data: string): Promise<{ height: number; width: number } | undefined> {
  for (const folder of [data, dirname(data)]) {
    const path = join(folder, 'property');
    if (existsSync(path)) return parseProperty(await readFile(path, 'utf8'));
  }
  return undefined;
}

/**
 * `arcface drop`: step 2 of the main job. Writes a dataset without the images that are off, and says why each one went.
 * `arcface clean` is the same for whoever has a folder and somebody's network: the automatic rule, nothing to train.
 */

import { join } from 'node:path';
import { type Decision, decide, outputNames, summarise } from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';
import { writeFaceDataset } from '@arcface/recordio/node';
import { type Command, Option } from 'commander';
import { writeAtomically } from '../atomic-file.ts';
import { useBackend } from '../backend.ts';
import { jsonLines } from '../cleaning/audit-file.ts';
import { sha256 } from '../cleaning/embedding-store.ts';
import {
  datasetAuditRows,
  hasSeenOthers,
  type JudgedDataset,
  judgeDataset,
  wasTrainedOn,
} from '../cleaning/judge-dataset.ts';
import { proposalLists, SUMMARISED } from '../cleaning/proposal-lists.ts';
import { type JudgedBy, PROVENANCE_FILE, provenance } from '../cleaning/provenance.ts';
import { judgeByAudit } from '../cleaning/recorded-audit.ts';
import {
  evidenceFor,
  type RuleOptions,
  ruleOf,
  withDecisions,
  withRule,
  withRuleOptions,
} from '../cleaning/rule-options.ts';
import {
  discardWork,
  joinsOnly,
  type PartOfWork,
  refuseDivision,
  reportPart,
  type WorkOptions,
  withWorkOptions,
  workFolder,
} from '../cleaning/work-options.ts';
import {
  type CommandContext,
  type ComputeOptions,
  defineCommand,
  required,
  type SharedOptions,
  withComputeOptions,
} from '../cli/define-command.ts';
import { imagesAPass } from '../cli/images-a-pass.ts';
import { refuseInputAsOutput, refuseUsedFolder } from '../cli/output-folder.ts';
import { CommandError, UsageError } from '../cli/usage-error.ts';
import { openData } from '../data.ts';
import { type ImageSize, imageSizeOf } from '../image-size.ts';
import { type ModelOptions, withModelOptions } from '../model.ts';
import { type BesideOptions, openJudges, withBesideOption } from '../networks-side-by-side.ts';

interface DropOptions
  extends SharedOptions,
    ComputeOptions,
    RuleOptions,
    WorkOptions,
    ModelOptions,
    BesideOptions {
  readonly data?: string;
  readonly audit?: string;
  readonly output?: string;
  readonly layout: 'insightface' | 'flat';
  readonly overwrite?: boolean;
  readonly joinOnly?: boolean;
}

export function dropCommand(): Command {
  return defineCommand<DropOptions>({
    name: 'drop',
    description:
      "Drop the images that are off their identity's dominant sub-centre by the threshold or more, and write the rest " +
      'with an audit: a line of JSON for every image of the input.',
    example: 'arcface drop --data noisy/train.rec --model run --threshold 75 --k 3 --output clean',
    options: (command) =>
      withOutputOptions(
        withRuleOptions(
          command
            .argument('[merge]', 'write what shards have embedded into --work')
            .option('--data <data>', 'a .rec, a folder with a train.rec, a folder of folders, or a .lst')
            .option(
              '--audit <file>',
              'instead of a model: an audit of this data (.jsonl). What it decided is done, unless --rule, --threshold or --decisions say otherwise',
            ),
          'angle',
        ),
      ),
    run: (options, context, operands) =>
      drop({ ...options, joinOnly: joinsOnly(options, operands) }, context, {
        command: 'drop',
        trainSubcenters: false,
      }),
  });
}

export function cleanCommand(): Command {
  return defineCommand<DropOptions>({
    name: 'clean',
    description:
      'Clean a folder of faces (or records) with a network that was trained on other data: embeds every image, judges it by ' +
      'its neighbours, and writes what stays with an audit. Other rules than auto get their sub-centres trained on the embeddings.',
    example: 'arcface clean faces --model face.onnx --output clean',
    options: (command) =>
      withOutputOptions(
        withRuleOptions(
          command
            .argument('[data]', 'a folder of folders, a .rec, a folder with a train.rec, or a .lst')
            .option('--data <data>', 'the same, as an option'),
          'auto',
        ),
      ),
    run: (options, context, [data]) =>
      drop({ ...options, ...(data === undefined ? {} : { data }) }, context, {
        command: 'clean',
        trainSubcenters: true,
      }),
  });
}

function withOutputOptions(command: Command): Command {
  return withComputeOptions(
    withWorkOptions(
      withBesideOption(withModelOptions(command))
        .option('--output <folder>', 'folder for train.rec, train.idx, property and audit.jsonl')
        .addOption(
          new Option(
            '--layout <layout>',
            'records with header and identity records, or flat as the reference writes them',
          )
            .choices(['insightface', 'flat'])
            .default('insightface'),
        )
        .option('--overwrite', 'replace the dataset in the output folder; other files there stay'),
    ),
  );
}

async function drop(
  given: DropOptions,
  context: CommandContext,
  { command, trainSubcenters }: { readonly command: 'drop' | 'clean'; readonly trainSubcenters: boolean },
): Promise<void> {
  const data = required(given.data, '--data');
  const output = required(given.output, '--output');
  const { options: asked, decideOptions } = await withDecisions(given, context);
  const judgedBy = judgeOf(asked);
  if ('audit' in judgedBy) refuseDivision(asked, '--audit');
  if (!asked.overwrite && asked.shard === undefined) await refuseUsedFolder(output, '--overwrite');
  await refuseInputAsOutput([data], output);
  const dataset = await openData(data, context);
  try {
    // Before the long part: the file that states it may be no such file.
    const imageSize = await imageSizeOf(data, dataset);
    const judgement =
      'audit' in judgedBy
        ? {
            judged: await judgeByAudit(judgedBy.audit, dataset),
            judgedBy,
            options: withRule(asked, 'recorded', { trainedOnThis: false }, context),
          }
        : await judgeByModel({ ...asked, output, model: judgedBy.model }, dataset, context, {
            standard: command === 'drop' ? 'angle' : 'auto',
            trainSubcenters,
          });
    if (!('judged' in judgement)) return reportPart(judgement, context.console);
    const { judged, options } = judgement;
    const decision = decide(judged.audit, ruleOf(options), { layout: options.layout, ...decideOptions });
    if (decision.kept === 0) {
      throw new CommandError(
        `No image would be left: the rule ${options.rule} drops all ${dataset.length}` +
          `${decision.rule.kind === 'angle' ? ` (${decision.rule.degrees} degrees or more from their dominant sub-centre)` : ''}. ` +
          'Is this the dataset that the model was trained on? Nothing was written.',
      );
    }
    const written = await write(
      { ...options, data, output, command, imageSize, ...judgement },
      decision,
      context,
    );
    if ('model' in judgedBy) await discardWork(workFolder(asked, output));
    report(judged, decision, { records: written.path, audit: join(output, 'audit.jsonl') }, context);
  } finally {
    await dataset.close();
  }
}

interface Judgement {
  readonly judged: JudgedDataset;
  readonly judgedBy: JudgedBy;
  /** As they were given, with the rule that was settled on. */
  readonly options: SettledOptions;
}

type SettledOptions = ReturnType<typeof withRule<DropOptions>>;

/** @throws {UsageError} unless there is a model, or an audit and a rule that can decide on one. */
function judgeOf({ model, beside, audit, rule }: DropOptions): JudgedBy {
  if (audit === undefined) {
    if (rule === 'recorded') {
      throw new UsageError(
        'The rule recorded repeats what an audit decided: give that audit (--audit), or another --rule.',
      );
    }
    return { model: required(model, '--model') };
  }
  if (model !== undefined) throw new UsageError('Give either --model or --audit.');
  if (beside !== undefined) throw new UsageError('--beside is for networks that judge with --model.');
  if (rule === 'auto' || rule === 'aum' || rule === 'self-trained') {
    throw new UsageError(
      `An audit's rows do not hold all that the rule ${rule} needs: give --model, or --rule recorded for what the audit decided.`,
    );
  }
  return { audit };
}

async function judgeByModel(
  asked: DropOptions & { readonly model: string; readonly output: string },
  dataset: FaceDataset,
  context: CommandContext,
  { standard, trainSubcenters }: { readonly standard: 'angle' | 'auto'; readonly trainSubcenters: boolean },
): Promise<Judgement | PartOfWork> {
  await useBackend(asked);
  const model = await openJudges(asked.model, dataset, context, asked);
  const options = withRule(asked, standard, { trainedOnThis: wasTrainedOn(model, dataset) }, context);
  const judged = await judgeDataset(
    {
      dataset,
      model,
      batchSize: imagesAPass(options),
      work: workFolder(asked, asked.output),
      shard: options.shard,
      joinOnly: options.joinOnly,
      handOut: options.handOut,
      ...evidenceFor(options, model, { trainSubcenters, hasSeenOthers: hasSeenOthers(model, dataset) }),
      seed: options.seed,
    },
    context,
  );
  const { path, beside } = model;
  return 'audit' in judged ? { judged, judgedBy: { model: path, beside }, options } : judged;
}

async function write(
  options: DropOptions &
    Judgement & {
      readonly data: string;
      readonly output: string;
      readonly command: string;
      readonly imageSize: ImageSize | undefined;
    },
  decision: Decision,
  context: CommandContext,
) {
  const { data, output, command, imageSize, judged, judgedBy } = options;
  const { audit } = judged;
  const summary = {
    ...summarise(audit, decision),
    undecodable: judged.undecodable.length,
    duplicates: judged.duplicates.length,
  };
  const progress = context.console.progress('writing', { total: decision.kept, unit: 'images' });
  const written = await writeFaceDataset({
    directory: output,
    layout: options.layout,
    property: imageSize,
    identityNames: outputNames(audit, decision),
    overwrite: options.overwrite,
    signal: context.signal,
    onProgress: (images) => progress.update(images),
    images: keptImages(judged, decision, workFolder(options, output).directory),
    // Inside the folder before it gets its name, so that there is never a dataset without its audit.
    finish: async (folder) => {
      await writeAtomically(join(folder, 'audit.jsonl'), jsonLines(datasetAuditRows(judged, decision)));
      const proposals = proposalLists(judged, SUMMARISED);
      await writeAtomically(join(folder, 'summary.json'), [
        `${JSON.stringify({ ...summary, data, ...judgedBy, proposals }, null, 2)}\n`,
      ]);
      await writeAtomically(join(folder, PROVENANCE_FILE), [
        await provenance({
          command,
          data,
          judgedBy,
          decisions: options.decisions,
          inputs: judged.inputs,
          decision,
        }),
      ]);
    },
  });
  progress.stop();
  return written;
}

function report(
  { dataset, audit, undecodable }: JudgedDataset,
  decision: Decision,
  paths: { readonly records: string; readonly audit: string },
  { console }: CommandContext,
): void {
  const { dropped, identities, identitiesKept, identitiesLost, unresolved } = summarise(audit, decision);
  const droppedInAll = dropped + undecodable.length;
  console.result(
    {
      images: dataset.length,
      kept: decision.kept,
      dropped: droppedInAll,
      unresolved,
      undecodable: undecodable.length,
      identities,
      identitiesKept,
      output: paths.records,
      audit: paths.audit,
    },
    [
      `${dataset.length} images of ${identities} identities: ${decision.kept} kept, ${droppedInAll} dropped (${((100 * droppedInAll) / dataset.length).toFixed(2)} %)`,
      `${identitiesKept} identities kept, ${identitiesLost.length} lost`,
      `records  ${paths.records}`,
      `audit    ${paths.audit}`,
    ],
  );
}

/** What stays, with the bytes that were judged. @throws {CommandError} when an image has changed since it was embedded */
async function* keptImages(
  { dataset, positions, digests }: JudgedDataset,
  { order, newLabels }: Decision,
  work: string,
): AsyncGenerator<{ label: number; bytes: Uint8Array }> {
  for (const image of order) {
    const { key, bytes } = await dataset.read(positions[image]!);
    if (digests !== undefined && !sha256(bytes).equals(digests.subarray(32 * image, 32 * (image + 1)))) {
      throw new CommandError(
        `Image ${JSON.stringify(key)} has changed since it was embedded. Remove ${work}, and run this again.`,
      );
    }
    yield { label: newLabels[image]!, bytes };
  }
}

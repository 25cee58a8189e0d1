/** `arcface audit`: looks, and changes nothing. A row for every image, a summary, what is proposed, and a report. */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  type Audit,
  confusionByKind,
  type Decision,
  decide,
  type Identity,
  identitiesFromLabels,
  metricIntervals,
  metrics,
  type Rule,
  SubcenterScorer,
  type SubcenterScorerInput,
  scoreByModes,
  summarise,
  withAutoScores,
  withStrangerScores,
} from '@arcface/cleaner';
import type { Command } from 'commander';
import { writeAtomically } from '../atomic-file.ts';
import { useBackend } from '../backend.ts';
import { auditFormat, writeAuditFile } from '../cleaning/audit-file.ts';
import {
  type EmbeddingsFile,
  embeddingsInReach,
  heldEmbeddings,
  openEmbeddingsFile,
} from '../cleaning/embeddings-file.ts';
import {
  datasetAuditRows,
  hasSeenOthers,
  type JudgedDataset,
  judgeDataset,
  wasTrainedOn,
} from '../cleaning/judge-dataset.ts';
import { proposalLists, SUMMARISED } from '../cleaning/proposal-lists.ts';
import {
  evidenceFor,
  type RuleOptions,
  ruleOf,
  withDecisions,
  withRule,
  withRuleOptions,
} from '../cleaning/rule-options.ts';
import { checkRows, readLabels, readTruth, type TruthTable } from '../cleaning/tables.ts';
import { trainedSubcenters } from '../cleaning/trained-subcenters.ts';
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
import { refuseInputFiles } from '../cli/output-folder.ts';
import { CommandError, UsageError } from '../cli/usage-error.ts';
import { openData } from '../data.ts';
import { type ModelOptions, withModelOptions } from '../model.ts';
import { type BesideOptions, openJudges, withBesideOption } from '../networks-side-by-side.ts';
import { cleaningReport } from '../report/cleaning-report.ts';

interface AuditOptions
  extends SharedOptions,
    ComputeOptions,
    RuleOptions,
    WorkOptions,
    ModelOptions,
    BesideOptions {
  readonly data?: string;
  readonly embeddings?: string;
  readonly labels?: string;
  readonly output?: string;
  readonly sort: 'data' | 'suspicion';
  readonly truth?: string;
  readonly report?: string;
  readonly overwrite?: boolean;
  readonly joinOnly?: boolean;
}

/** What an audit is of: a dataset, or a file of embeddings, which has no images to show. */
type Judged = Omit<JudgedDataset, 'inputs' | 'dataset'> & {
  readonly dataset: Pick<JudgedDataset['dataset'], 'length' | 'labels' | 'key'> &
    Partial<Pick<JudgedDataset['dataset'], 'read'>>;
  readonly rule: Rule;
  close?(): Promise<void>;
  /** When all is written. */
  discardWork?(): Promise<void>;
};

export function auditCommand(): Command {
  return defineCommand<AuditOptions>({
    name: 'audit',
    description:
      'Judge every image and say why, without changing anything: a row for each (.jsonl, .csv or .parquet), a summary beside ' +
      'it, and with --report a page to look at. Takes a dataset and a network, or embeddings and labels that are there already.',
    example: 'arcface audit --data faces --model face.onnx --output audit.jsonl --report audit.html',
    options: (command) =>
      withComputeOptions(
        withWorkOptions(
          withRuleOptions(
            withBesideOption(
              withModelOptions(command.argument('[merge]', 'judge what shards have embedded into --work')),
            )
              .option('--data <data>', 'a .rec, a folder with a train.rec, a folder of folders, or a .lst')
              .option('--embeddings <file>', 'instead of data and model: rows in .npy or .safetensors')
              .option(
                '--labels <file>',
                'with --embeddings: a .csv with label, and optionally key and identity, a row each',
              )
              .option('--output <file>', 'the audit: .jsonl, .csv or .parquet')
              .option('--report <file>', 'a page (.html) that needs nothing else')
              .option(
                '--truth <file>',
                'what is known: a .csv with bad (0, 1), and optionally true (label, -1 an outsider), rows in data order',
              )
              .option('--sort <order>', 'order of the rows: data, or suspicion (the worst first)', 'data')
              .option('--overwrite', 'replace files that are there'),
            'auto',
          ),
        ),
      ),
    run: (options, context, operands) =>
      audit({ ...options, joinOnly: joinsOnly(options, operands) }, context),
  });
}

async function audit(given: AuditOptions, context: CommandContext): Promise<void> {
  const { options, decideOptions } = await withDecisions(given, context);
  refuseRecorded(options);
  if (options.embeddings !== undefined) refuseDivision(options, '--embeddings');
  const output = required(options.output, '--output');
  auditFormat(output);
  if (options.sort !== 'data' && options.sort !== 'suspicion') {
    throw new UsageError(`--sort is data or suspicion, found ${options.sort}.`);
  }
  const summaryPath = output.replace(/\.[^.]+$/, '.summary.json');
  if (options.report !== undefined && [output, summaryPath].some(isSame(options.report))) {
    throw new UsageError(
      `--report ${options.report} is where the audit or its summary goes: choose another name.`,
    );
  }
  const outputs = [output, summaryPath, ...(options.report === undefined ? [] : [options.report])];
  const { data, model, embeddings, labels, truth: known, decisions } = options;
  await refuseInputFiles(
    [data, model, ...(options.beside ?? []), embeddings, labels, known, decisions],
    outputs,
  );
  for (const file of outputs) {
    if (existsSync(file) && !options.overwrite && options.shard === undefined)
      throw new CommandError(`${file} exists. Choose another name, or give --overwrite.`);
  }
  // Before the long part: what is wrong with it is better known at once.
  const truth = options.truth === undefined ? undefined : await readTruth(options.truth);
  const judged = await (options.embeddings === undefined
    ? judgeData(options, output, truth, context)
    : judgeEmbeddings(options, truth, context));
  if (!('audit' in judged)) return reportPart(judged, context.console);
  try {
    const decision = decide(judged.audit, judged.rule, decideOptions);
    const measured = truth && measure(judged, decision, truth);
    const { dropped, ...counts } = summarise(judged.audit, decision);
    const summary = {
      images: judged.dataset.length,
      dropped: dropped + judged.undecodable.length,
      undecodable: judged.undecodable.length,
      duplicates: judged.duplicates.length,
      kept: counts.kept,
      unresolved: counts.unresolved,
      identities: counts.identities,
      identitiesKept: counts.identitiesKept,
      relabel: counts.relabel,
      merges: counts.merges,
      splits: counts.splits,
      ...measured,
      output,
      ...(options.report === undefined ? {} : { report: options.report }),
    };
    await writeAuditFile(output, datasetAuditRows(judged, decision, options.sort));
    await writeAtomically(summaryPath, [
      `${JSON.stringify({ ...summary, rule: decision.rule, identitiesLost: counts.identitiesLost, dominantShare: counts.dominantShare, proposals: proposalLists(judged, SUMMARISED) }, null, 2)}\n`,
    ]);
    if (options.report !== undefined) {
      const page = await cleaningReport({
        judged,
        decision,
        title: `Audit of ${options.data ?? options.embeddings}`,
        bad: truth?.bad,
      });
      await writeAtomically(options.report, [page]);
    }
    await judged.discardWork?.();
    context.console.result(summary, lines(summary, measured, [output, summaryPath, options.report]));
  } finally {
    await judged.close?.();
  }
}

function isSame(path: string): (other: string) => boolean {
  return (other) => resolve(other) === resolve(path);
}

/** An audit is what the rule recorded repeats: there is none yet. */
function refuseRecorded({ rule }: RuleOptions): void {
  if (rule === 'recorded') {
    throw new UsageError('The rule recorded is for arcface drop --audit: it repeats what an audit decided.');
  }
}

async function judgeData(
  given: AuditOptions,
  output: string,
  truth: TruthTable | undefined,
  context: CommandContext,
): Promise<Judged | PartOfWork> {
  const data = required(given.data, '--data (or --embeddings)');
  const modelName = required(given.model, '--model');
  const dataset = await openData(data, context);
  const work = workFolder(given, output);
  try {
    checkRows(truth, dataset.length);
    await useBackend(given);
    const model = await openJudges(modelName, dataset, context, given);
    const options = withRule(given, 'auto', { trainedOnThis: wasTrainedOn(model, dataset) }, context);
    const judged = await judgeDataset(
      {
        dataset,
        model,
        batchSize: imagesAPass(options),
        work,
        shard: options.shard,
        joinOnly: options.joinOnly,
        handOut: options.handOut,
        ...evidenceFor(options, model, {
          trainSubcenters: true,
          hasSeenOthers: hasSeenOthers(model, dataset),
        }),
        seed: options.seed,
      },
      context,
    );
    if (!('audit' in judged)) {
      await dataset.close();
      return judged;
    }
    return {
      ...judged,
      rule: ruleOf(options),
      close: () => dataset.close(),
      discardWork: () => discardWork(work),
    };
  } catch (error) {
    await dataset.close();
    throw error;
  }
}

async function judgeEmbeddings(
  given: AuditOptions,
  truth: TruthTable | undefined,
  context: CommandContext,
): Promise<Judged> {
  const options = withRule(given, 'auto', { trainedOnThis: false }, context);
  if (options.data !== undefined || options.model !== undefined || options.beside !== undefined) {
    throw new UsageError('Give either --data and --model, or --embeddings and --labels.');
  }
  if (options.rule === 'aum')
    throw new UsageError('The rule aum needs the run that was trained: --data and --model.');
  const path = required(options.embeddings, '--embeddings');
  const { labels, keys, names } = await readLabels(required(options.labels, '--labels'));
  const file = await openEmbeddingsFile(path);
  try {
    if (file.rows !== labels.length) {
      throw new CommandError(`${path} has ${file.rows} rows, but ${options.labels} has ${labels.length}.`);
    }
    checkRows(truth, labels.length);
    const key = (image: number) => keys?.[image] ?? image;
    const identities = identitiesFromLabels(labels).map((identity) => ({
      ...identity,
      ...(names.has(identity.label) ? { name: names.get(identity.label)! } : {}),
    }));
    return {
      rule: ruleOf(options),
      dataset: { length: labels.length, labels, key },
      audit: await scoredEmbeddings(file, { labels, identities, key }, options, context),
      positions: Int32Array.from(labels.keys()),
      undecodable: [],
      duplicates: [],
    };
  } finally {
    file.close();
  }
}

async function scoredEmbeddings(
  file: EmbeddingsFile,
  images: Pick<SubcenterScorerInput, 'labels' | 'key'> & { readonly identities: readonly Identity[] },
  options: AuditOptions,
  context: CommandContext,
): Promise<Audit> {
  const { dimensions } = file;
  const seed = { seed: options.seed };
  const isAlone = options.rule === 'auto' || options.rule === 'self-trained';
  if (isAlone && options.k === undefined) {
    const input = { ...images, dimensions, embeddings: embeddingsInReach(file) };
    const audited = scoreByModes(input, seed);
    return options.rule === 'self-trained' ? withStrangerScores(audited, input, seed) : audited;
  }
  const embeddings = heldEmbeddings(file);
  const input = { ...images, dimensions, embeddings };
  await useBackend(options);
  const scorer = new SubcenterScorer({
    ...input,
    subcenters: await trainedSubcenters(embeddings, input, options, context),
    trustClassOrder: true,
  });
  scorer.add(embeddings);
  const scored = scorer.finish();
  const audited =
    options.rule === 'auto' || options.apply.length > 0 ? withAutoScores(scored, input, seed) : scored;
  return options.rule === 'self-trained' ? withStrangerScores(audited, input, seed) : audited;
}

function measure({ audit, positions }: Judged, decision: Decision, { bad, trueLabel }: TruthTable) {
  const judged = { bad: positions.map((position) => bad[position]!) };
  const found = metrics(decision, judged);
  return {
    metrics: found,
    intervals: metricIntervals(found, audit.images),
    ...(trueLabel === undefined
      ? {}
      : {
          confusion: confusionByKind(audit, decision, {
            ...judged,
            trueLabel: positions.map((position) => trueLabel[position]!),
          }),
        }),
  };
}

function lines(
  { images, dropped, unresolved, identities, relabel, merges, splits, duplicates }: Record<string, unknown>,
  measured: ReturnType<typeof measure> | undefined,
  files: readonly (string | undefined)[],
): string[] {
  const percent = (value: number | null) => (value === null ? 'undefined' : `${(100 * value).toFixed(1)} %`);
  const figure = (name: 'precision' | 'recall' | 'f1' | 'auroc' | 'averagePrecision') => {
    const interval = measured!.intervals[name];
    const range = interval === null ? '' : ` (${percent(interval[0])} to ${percent(interval[1])})`;
    return `${name} ${percent(measured!.metrics[name])}${range}`;
  };
  return [
    `${images} images of ${identities} identities: ${dropped} would be dropped, ${unresolved} are unresolved`,
    `proposed: ${relabel} relabels, ${merges} merges, ${splits} splits; ${duplicates} pairs of near-duplicates`,
    ...(measured === undefined
      ? []
      : (['precision', 'recall', 'f1', 'auroc', 'averagePrecision'] as const).map(figure)),
    ...files.flatMap((file) => (file === undefined ? [] : [`written  ${file}`])),
  ];
}

/** `arcface demo`: the main job on faces that are drawn for it, with a table and a report at the end. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openFaceDataset } from '@arcface/recordio/node';
import { type Command, InvalidArgumentError } from 'commander';
import { writeAtomically } from '../atomic-file.ts';
import { useBackend } from '../backend.ts';
import {
  type CommandContext,
  type ComputeOptions,
  defineCommand,
  type SharedOptions,
  withComputeOptions,
} from '../cli/define-command.ts';
import { numberWithin, wholeNumber } from '../cli/option-values.ts';
import { refuseUsedFolder } from '../cli/output-folder.ts';
import { CommandError } from '../cli/usage-error.ts';
import { demoReport, verificationTable } from '../demo/demo-report.ts';
import { type DemoResult, type DemoRun, runDemo } from '../demo/run-demo.ts';
import { auditReportHtml } from '../report/audit-report.ts';

interface DemoCommandOptions extends SharedOptions, ComputeOptions {
  readonly output: string;
  readonly identities: number;
  readonly imagesPerIdentity: number;
  readonly noise: number;
  readonly heldOutPeople: number;
  readonly epochs?: number;
  readonly controls?: boolean;
  readonly overwrite?: boolean;
}

/** Tells a folder that the demo has made, which it may replace, from any other. */
const MARKER = 'demo.json';
const DEFAULT_OUTPUT = 'arcface-demo';

export function demoCommand(): Command {
  return defineCommand<DemoCommandOptions>({
    name: 'demo',
    description:
      'Draw a noisy face dataset, clean it with Sub-center ArcFace, and measure what that is good for. ' +
      'Takes about two minutes on two cores; writes the datasets, the runs and a report in HTML.',
    example: 'arcface demo --output demo --seed 1',
    options: (command) =>
      withComputeOptions(
        command
          .option('--output <folder>', 'folder for everything that is made', DEFAULT_OUTPUT)
          .option('--identities <n>', 'people in the dataset', wholeNumber(2, 10_000), 100)
          .option('--images-per-identity <n>', 'images of each', wholeNumber(2, 1000), 30)
          .option('--noise <share>', 'share of wrong labels', numberWithin(0, 0.9), 0.4)
          .option(
            '--held-out-people <n>',
            'people to verify with, a multiple of ten from 20 on',
            tensOfPeople,
            120,
          )
          .option('--epochs <n>', 'passes over the data, for all runs', numberWithin(0.01, 1000))
          .option(
            '--controls',
            'also train on a random subset, as long as on the noisy set, and on the truth',
          )
          .option('--overwrite', 'use a folder that has something else in it; nothing of that is touched'),
      ),
    run: demo,
  });
}

async function demo(options: DemoCommandOptions, context: CommandContext): Promise<void> {
  const { output, seed } = options;
  const begun = performance.now();
  await clearOutput(options);
  await useBackend(options);
  const result = await runDemo({ ...options, controls: options.controls === true }, context);
  const report = join(output, 'report.html');
  await writeReport(report, result);
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  const { precision, recall, f1, auroc, bad, dropped } = result.cleaning.metrics;
  const json = {
    seconds,
    seed,
    images: result.dataset.plan.length,
    noise: { precision, recall, f1, auroc, bad, dropped },
    verification: {
      noisy: figures(result.noisy),
      noisySubcenters: figures(result.noisySubcenters),
      cleaned: figures(result.cleaned),
      controls: result.controls.map((run) => ({ title: run.title, ...figures(run) })),
    },
    report,
    output,
  };
  await writeAtomically(join(output, MARKER), [`${JSON.stringify(json, null, 2)}\n`]);
  context.console.result(json, summary(result, report, seconds));
}

/** Ten folds with at least two people in each: pairs of two people need them. */
function tensOfPeople(text: string): number {
  const people = wholeNumber(20, 10_000)(text);
  if (people % 10 !== 0) throw new InvalidArgumentError('Expected a multiple of ten, for ten folds.');
  return people;
}

/** What the demo makes in its folder, beside the marker. */
const MADE = ['data', 'held-out', 'held-out-pairs.txt', 'cleaned', 'runs', 'report.html'];

/**
 * A folder of an earlier demo is replaced. In any other that has something in it nothing is ever removed: `--overwrite` lets
 * the demo write there, if none of its names is taken.
 */
async function clearOutput({ output, overwrite }: DemoCommandOptions): Promise<void> {
  if (existsSync(join(output, MARKER))) {
    for (const made of MADE) await rm(join(output, made), { recursive: true, force: true });
  } else if (overwrite) {
    const taken = MADE.filter((made) => existsSync(join(output, made)));
    if (taken.length > 0) {
      throw new CommandError(
        `${output} has ${taken.join(', ')}, which the demo did not make. Choose another --output.`,
      );
    }
  } else {
    await refuseUsedFolder(output, '--overwrite');
  }
  // From here on the folder is the demo's, also if it is interrupted.
  await writeAtomically(join(output, MARKER), ['{}\n']);
}

async function writeReport(path: string, result: DemoResult): Promise<void> {
  const records = await openFaceDataset(result.dataset.data);
  try {
    await writeAtomically(path, [auditReportHtml(await demoReport(result, records))]);
  } finally {
    await records.close();
  }
}

function figures({ verification, images, steps }: DemoRun): object {
  const { accuracy, accuracyStd, auc } = verification;
  return { accuracy, accuracyStd, auc, images, steps };
}

function summary(result: DemoResult, report: string, seconds: number): string[] {
  const { precision, recall, f1, bad, dropped } = result.cleaning.metrics;
  const share = (value: number | null): string => (value === null ? '-' : value.toFixed(3));
  const table = verificationTable(result);
  return [
    '',
    `${result.dataset.plan.length} images, ${bad} with a wrong label; dropped ${dropped}: precision ${share(precision)}, recall ${share(recall)}, F1 ${share(f1)}`,
    '',
    ...alignedTable([table.columns, ...table.rows.map(({ cells }) => cells)]),
    '',
    `report  ${report}   (${seconds} s)`,
  ];
}

/** Columns as wide as their widest cell; the first one to the left, the others to the right. */
function alignedTable(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('   ')
      .trimEnd(),
  );
}

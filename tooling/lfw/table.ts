/**
 * Turns the lines of `end-to-end.ts` into the tables of docs/experiment.md, one a noise rate and a row a kind of network, those of each
 * start apart, and draws them: mean over the seeds with its 95 % confidence interval (Student's t, so it is wide with few seeds).
 *
 *     npx tsx tooling/lfw/table.ts results.jsonl [--plot docs/experiment.svg]
 */
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { experimentChart } from './experiment-chart.ts';
import { estimate, type MeanEstimate } from './mean-estimate.ts';
import { type Row, readRows, STARTS, type StartName, startOf } from './results.ts';

const BASELINE = 'noisy, K = 1';
/** Mean cosine of different people from which on a network counts as collapsed to a point. */
const COLLAPSED = 0.9;
/** Of shares, behind the point: a pretrained network errs so rarely that it takes one more. */
const DIGITS: Readonly<Record<StartName, number>> = { scratch: 3, pretrained: 4 };

const command = new Command()
  .argument('<results>', 'of end-to-end.ts')
  .option('--plot <file>', 'an SVG of AUC over noise, networks from scratch')
  .parse();
const [path] = command.args as [string];
const all = readRows(path);
for (const start of STARTS) {
  const rows = all.filter((row) => startOf(row) === start);
  if (rows.length === 0) continue;
  if (start !== 'scratch') console.log(`\n## Start: ${start}`);
  printTables(rows, DIGITS[start]);
}
const { plot } = command.opts<{ plot?: string }>();
if (plot) {
  const rows = all.filter((row) => startOf(row) === 'scratch');
  await writeFile(plot, await experimentChart(rows, networksOf(rows)));
}

function networksOf(rows: readonly Row[]): string[] {
  return [...new Set(rows.map(({ network }) => network))];
}

function printTables(rows: readonly Row[], digits: number): void {
  for (const rate of [...new Set(rows.map((row) => row.rate))].sort((a, b) => b - a)) {
    console.log(`\n### ${100 * rate} % noise\n`);
    printTable(
      rows.filter((row) => row.rate === rate),
      { networks: networksOf(rows), digits },
    );
  }
  const collapsed = rows.filter(({ impostorCosine }) => impostorCosine > COLLAPSED);
  const highest = Math.max(...rows.map(({ impostorCosine }) => impostorCosine));
  console.log(
    collapsed.length === 0
      ? `\nNo network collapsed: the mean cosine of different people is at most ${highest.toFixed(2)}.`
      : `\nCollapsed: ${collapsed.map(({ network, rate, seed }) => `${network} (${100 * rate} %, seed ${seed})`).join(', ')}.`,
  );
}

/** Of one start and noise rate. */
function printTable(
  rows: readonly Row[],
  { networks, digits }: { readonly networks: readonly string[]; readonly digits: number },
): void {
  console.log(
    `| trained on | seeds | images | steps | accuracy | AUC | AUC less that of ${BASELINE}, same seed | precision | recall | F1 of the drop |`,
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  for (const network of networks) {
    const of = rows.filter((row) => row.network === network);
    if (of.length === 0) continue;
    const mean = (value: (row: Row) => number) => text(estimate(of.map(value)), 0);
    const gains = of.flatMap((row) => {
      const baseline = rows.find((other) => other.seed === row.seed && other.network === BASELINE);
      return baseline && network !== BASELINE ? [row.auc - baseline.auc] : [];
    });
    const drops = (['precision', 'recall', 'f1'] as const).map((metric) =>
      share(
        of.flatMap(({ drop }) => drop?.[metric] ?? []),
        { digits },
      ),
    );
    const cells = [
      of.length,
      mean(({ images }) => images).split(' ')[0],
      mean(({ steps }) => steps).split(' ')[0],
      share(
        of.map(({ accuracy }) => accuracy),
        { digits },
      ),
      share(
        of.map(({ auc }) => auc),
        { digits },
      ),
      share(gains, { digits, signed: true }),
      ...drops,
    ];
    console.log(`| ${network} | ${cells.join(' | ')} |`);
  }
}

/** Without the zero before the point; the half width of the interval behind it. */
function share(
  values: readonly number[],
  { digits, signed = false }: { readonly digits: number; readonly signed?: boolean },
): string {
  if (values.length === 0) return '';
  const { mean } = estimate(values);
  return (signed && mean >= 0 ? '+' : '') + text(estimate(values), digits).replaceAll('0.', '.');
}

function text({ mean, halfWidth }: MeanEstimate, digits: number): string {
  const interval = Number.isFinite(halfWidth) ? ` ± ${halfWidth.toFixed(digits)}` : '';
  return mean.toFixed(digits) + interval;
}

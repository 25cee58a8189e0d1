/**
 * Turns the lines of `end-to-end.ts` into a Markdown table: a row a kind of network, mean over the seeds with the lowest and
 * the highest.
 *
 *     npx tsx tooling/lfw/table.ts results.jsonl
 */
import { type Row, readRows } from './results.ts';

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error('usage: table.ts results.jsonl');
  process.exit(2);
}

const rows = readRows(path);
const seeds = new Set(rows.map(({ seed }) => seed));
const networks = [...new Set(rows.map(({ network }) => network))];
console.log(`${seeds.size} seeds: ${[...seeds].join(', ')}\n`);
console.log('| trained on | images | steps | accuracy | AUC | precision | recall | F1 of the drop |');
console.log('|---|---|---|---|---|---|---|---|');
for (const network of networks) {
  const of = rows.filter((row) => row.network === network);
  const cells = [
    round(mean(of.map(({ images }) => images)), 0),
    round(mean(of.map(({ steps }) => steps)), 0),
    span(of, ({ accuracy }) => accuracy),
    span(of, ({ auc }) => auc),
    ...(['precision', 'recall', 'f1'] as const).map((metric) => span(of, ({ drop }) => drop?.[metric])),
  ];
  console.log(`| ${network} | ${cells.join(' | ')} |`);
}
const collapsed = rows.filter(({ impostorCosine }) => impostorCosine > 0.9);
console.log(
  collapsed.length === 0
    ? `\nNo network collapsed: the mean cosine of different people is at most ${round(Math.max(...rows.map(({ impostorCosine }) => impostorCosine)), 2)}.`
    : `\nCollapsed: ${collapsed.map(({ network, seed }) => `${network} (seed ${seed})`).join(', ')}.`,
);

function span(of: readonly Row[], value: (row: Row) => number | null | undefined): string {
  const values = of.map(value).filter((number) => typeof number === 'number');
  if (values.length === 0) return '';
  return `${round(mean(values), 3)} (${round(Math.min(...values), 3)} to ${round(Math.max(...values), 3)})`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function round(value: number, digits: number): string {
  return value.toFixed(digits).replace(/^(-?)0\./, '$1.');
}

/**
 * Writes the table of all networks into the package's README: parameters and operations from the networks themselves,
 * deviations from what `tooling/oracles/backbones` has found, speeds from what `measure.ts` has.
 *
 *     npx tsx packages/backbones/bench/table.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { complexity, listNetworks, networkGraph } from '../src/index.ts';
import type { Program, Speeds } from './speeds.ts';

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const json = (file: string): unknown => JSON.parse(readFileSync(path(file), 'utf8'));
const ORACLES = '../../../tooling/oracles/backbones/results/';
const START = '<!-- table of networks: npx tsx packages/backbones/bench/table.ts -->';
const END = '<!-- end of the table -->';

const fromReference = json(`${ORACLES}embeddings.json`) as Record<string, number>;
const fromTorch = json(`${ORACLES}torch-networks.json`) as Record<string, { ours: number }>;
const speeds = json('./results/speed.json') as Speeds;

const PROGRAMS: readonly Program[] = ['here', 'mxnet', 'torch'];
const allTitles = [
  ...['network', 'parameters', 'GFLOP', 'deviation'],
  ...['forward', 'MXNet', 'PyTorch', 'training', 'MXNet', 'PyTorch', 'batch'],
];
const allRows = listNetworks().map(({ name }) => {
  const { parameters, flops } = complexity(networkGraph(name));
  const deviation = fromReference[`cfg_${name}`] ?? fromReference[name] ?? fromTorch[name]?.ours;
  const { forward, training } = speeds[name] ?? {};
  return [
    `\`${name}\``,
    `${(parameters / 1e6).toFixed(2)} M`,
    (flops / 1e9).toFixed(2),
    deviation?.toExponential(1) ?? '',
    ...[forward, training].flatMap((speed) => PROGRAMS.map((program) => speed?.[program]?.toString() ?? '')),
    [...new Set([forward?.batch, training?.batch])].filter((batch) => batch !== undefined).join(', '),
  ];
});
// A program that has measured nothing yet has no column.
const isFilled = allTitles.map((_, i) => allRows.some((row) => row[i] !== ''));
const filled = (cells: readonly string[]): string[] => cells.filter((_, i) => isFilled[i]);
const header = filled(allTitles);
const rows = allRows.map(filled);
const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
const line = (cells: readonly string[]): string =>
  `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
const table = [line(header), rule, ...rows.map(line)].join('\n');

const readme = readFileSync(path('../README.md'), 'utf8');
const [before, rest] = readme.split(START);
const after = rest?.split(END)[1];
if (after === undefined) {
  throw new Error(`the README lacks the marks ${START} and ${END}`);
}
writeFileSync(path('../README.md'), `${before}${START}\n\n${table}\n\n${END}${after}`);

/**
 * Writes the tables of the package's README. All networks: parameters and operations from the networks themselves, deviations
 * from what `tooling/oracles/backbones` has found, speeds from what `measure.ts` has. Inference: from what `inference-speed.ts` has.
 *
 *     npx tsx packages/backbones/bench/table.ts
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { complexity, listNetworks, networkGraph } from '../src/index.ts';
import { type InferenceSpeeds, inferenceModes, type Program, type Speeds } from './speeds.ts';

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const json = (file: string): unknown => JSON.parse(readFileSync(path(file), 'utf8'));
const README = path('../README.md');
const ORACLES = '../../../tooling/oracles/backbones/results/';
const PROGRAMS: readonly Program[] = ['here', 'mxnet', 'torch'];

replaceTable('networks', networks());
replaceTable('inference', inference());

type Row = readonly string[];

/** Titles, then a row a network; a column that nothing has been measured for yet is left out. */
function networks(): readonly Row[] {
  const fromReference = json(`${ORACLES}embeddings.json`) as Record<string, number>;
  const fromTorch = json(`${ORACLES}torch-networks.json`) as Record<string, { ours: number }>;
  const speeds = json('./results/speed.json') as Speeds;
  const titles = [
    ...['network', 'parameters', 'GFLOP', 'deviation'],
    ...['forward', 'MXNet', 'PyTorch', 'training', 'MXNet', 'PyTorch', 'batch'],
  ];
  const rows = listNetworks().map(({ name }) => {
    const { parameters, flops } = complexity(networkGraph(name));
    const deviation = fromReference[`cfg_${name}`] ?? fromReference[name] ?? fromTorch[name]?.ours;
    const { forward, training } = speeds[name] ?? {};
    return [
      `\`${name}\``,
      `${(parameters / 1e6).toFixed(2)} M`,
      (flops / 1e9).toFixed(2),
      deviation?.toExponential(1) ?? '',
      ...[forward, training].flatMap((speed) =>
        PROGRAMS.map((program) => speed?.[program]?.toString() ?? ''),
      ),
      [...new Set([forward?.batch, training?.batch])].filter((batch) => batch !== undefined).join(', '),
    ];
  });
  const isFilled = titles.map((_, i) => rows.some((row) => row[i] !== ''));
  return [titles, ...rows].map((cells) => cells.filter((_, i) => isFilled[i]));
}

/** The last column: the best of the folded network, by the better of both exports. */
function inference(): readonly Row[] {
  const titles = ['network', 'as trained', 'folded', 'exported', 'folded and exported', 'folded / exported'];
  const rows = Object.entries(json('./results/inference.json') as InferenceSpeeds).map(([name, speeds]) => {
    const exported = Math.max(...speeds.onnx, ...speeds['onnx-folded']);
    return [
      `\`${name}\``,
      ...inferenceModes.map((mode) => speeds[mode].join(', ')),
      (Math.max(...speeds.folded) / exported).toFixed(2),
    ];
  });
  return [titles, ...rows];
}

function replaceTable(name: string, rows: readonly Row[]): void {
  const [start, end] = [
    `<!-- table of ${name}: npx tsx packages/backbones/bench/table.ts -->`,
    `<!-- end of the table of ${name} -->`,
  ];
  const [before, rest] = readFileSync(README, 'utf8').split(start);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`the README lacks the marks ${start} and ${end}`);
  writeFileSync(README, `${before}${start}\n\n${markdown(rows)}\n\n${end}${after}`);
}

/** Numbers to the right. */
function markdown([titles, ...rows]: readonly Row[]): string {
  const widths = titles!.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: Row): string =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(titles!), rule, ...rows.map(line)].join('\n');
}

/**
 * The tables of docs/scaling.md: what the simulation says of the runs that were measured, and then of 1 to 64 hosts. Takes seconds; prints them,
 * and puts them into the page if asked to.
 *   npx tsx tooling/mpi/scaling.ts [--write]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { complexity, networkGraph } from '@arcface/backbones';
import { readCalibration } from './calibration.ts';
import { exchangesOfStep, type StepExchange, type StepShape } from './exchanges-of-a-step.ts';
import type { MeasuredRun } from './measured-run.ts';
import { exchangeSeconds, type Network, type Phase, simulate } from './simulation.ts';
import { type BackwardStage, backwardStages } from './stages-of-a-network.ts';

const calibration = readCalibration();

/** Seconds of a step on a core that has nothing else to do. */
interface StepCost {
  readonly network: number;
  readonly head: number;
  readonly threads: number;
}

/** A step: half of the network's and of the head's work is forward, half backward; the last stage's gradients are waited for. */
function phasesOf(
  exchanges: readonly StepExchange[],
  stages: readonly BackwardStage[],
  { network, head, threads }: StepCost,
): Phase[] {
  const begun = new Set<number>();
  const workBefore = (after: StepExchange['after']): number => {
    if (after === undefined) return 0;
    if (after === 'forward') return network / 2;
    if (typeof after === 'string') return head / 2;
    // Of the buckets of a stage the first comes after its work, the others right after that.
    const isFirst = !begun.has(after.stage);
    begun.add(after.stage);
    return isFirst ? (network / 2) * stages[after.stage]!.share : 0;
  };
  return exchanges.map((exchange) => ({
    exchange,
    threads,
    work: workBefore(exchange.after),
    overlaps: typeof exchange.after === 'object' && exchange.after.stage < stages.length - 1,
  }));
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** What ranks of a run that was measured exchange, and where its backward pass is cut. */
export function shapeOf({ ranks, batchSize, network, stages = 1 }: MeasuredRun): {
  readonly shape: StepShape;
  readonly stages: readonly BackwardStage[];
} {
  const cut = backwardStages(network, stages);
  const { dimensions } = MEASURED_HEAD;
  return {
    stages: cut,
    shape: {
      ...{ ranks, batch: batchSize, dimensions, subcenters: SUBCENTERS, dynamics: false },
      stages: cut.map(({ tensors }) => tensors),
    },
  };
}

/** What is said of a run that was measured: `ranks` on the one machine, one thread each. */
export function simulatedStep(run: MeasuredRun): number {
  const { ranks, batchSize } = run;
  const { shape, stages } = shapeOf(run);
  const steps = simulate({
    ranks,
    ranksPerHost: ranks,
    machine: calibration.machine,
    network: calibration.link,
    // How much of the step is the head's, which is small, is not known.
    phases: phasesOf(exchangesOfStep(shape), stages, {
      network: calibration.alone(batchSize / ranks, run.stages ?? 1),
      head: 0,
      threads: 1,
    }),
    jitter: 0,
    steps: 1,
  });
  return median(steps);
}

/** Networks between hosts, as they are sold, with the latency that sockets have. */
const NETWORKS: Readonly<Record<string, Network>> = {
  '10 Gbit/s': { alpha: 50e-6, beta: 1.18e9 },
  '1 Gbit/s': { alpha: 100e-6, beta: 0.118e9 },
};

/** Of y1, which was measured. */
const MEASURED_HEAD = { dimensions: 128 };
/** Of r50 in training, two cores, batches of 16, when the page was made; the backend's `bench/results/peers.md` has the newest. */
const R50_IMAGES_A_SECOND = 4.4;
const R50 = { dimensions: 512, numbers: complexity(networkGraph('r50')).parameters };
const BATCH = 512;
const SUBCENTERS = 3;
const IMAGES = 10e6;
const EPOCHS = 18;
/** Of a step from host to host, where hosts have the work of their own only. */
const JITTER = 0.03;
/** Of the backward pass, where it overlaps with the exchange. */
const STAGES = 4;

interface Projection {
  readonly ranks: number;
  readonly seconds: number;
  readonly network: number;
  readonly head: number;
  readonly exchanged: number;
  readonly days: number;
}

export interface ProjectionOptions {
  /** Share of the classes that take part. Default 1. */
  readonly sampled?: number;
  /** Of the backward pass. Default 1: nothing overlaps. */
  readonly stages?: number;
}

/** One rank a host of two cores like the measured one. */
export function projected(
  ranks: number,
  classes: number,
  network: Network,
  { sampled = 1, stages = 1 }: ProjectionOptions = {},
): Projection {
  const cut = backwardStages('r50', stages);
  const exchanges = exchangesOfStep({
    ...{ ranks, batch: BATCH, dimensions: R50.dimensions, subcenters: SUBCENTERS, dynamics: true },
    stages: cut.map(({ tensors }) => tensors),
  });
  const images = BATCH / ranks / R50_IMAGES_A_SECOND;
  const head = calibration.head((classes * sampled) / ranks, BATCH);
  const steps = simulate({
    ...{ ranks, ranksPerHost: 1, network, jitter: JITTER, steps: 50 },
    machine: { cores: 2, speed: () => 1 },
    phases: phasesOf(exchanges, cut, { network: 2 * images, head: 2 * head, threads: 2 }),
  });
  const seconds = median(steps);
  return {
    ...{ ranks, seconds, network: images, head },
    exchanged: exchanges.reduce((sum, exchange) => sum + exchangeSeconds(exchange, ranks, network), 0),
    days: ((IMAGES * EPOCHS) / BATCH) * (seconds / 86_400),
  };
}

/** Gigabytes of a rank. */
export function memoryOfRank(
  ranks: number,
  classes: number,
): { network: number; head: number; images: number } {
  const giga = 2 ** 30;
  // Weights, momentum, gradient, and the sums over ranks.
  const network = (4 * 4 * R50.numbers) / giga;
  // Weights, momentum and gradient of the block, and a chunk's logits with their gradient.
  const block = (classes / ranks) * SUBCENTERS * R50.dimensions * 4;
  const chunk = Math.min(8192, classes / ranks) * SUBCENTERS * BATCH * 4;
  // 3,747 MB in all for 32 images of r50 (packages/backbones/README.md), in parts of 32 at most.
  const images = (Math.min(32, BATCH / ranks) * (3.66 - 0.65)) / 32;
  return { network, head: (3 * block + 4 * chunk) / giga, images };
}

/** As Markdown, its columns aligned. */
function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [header, header.map(() => ''), ...rows.map((row) => row.map(String))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row, i) => `| ${row.map((cell, c) => cell.padEnd(widths[c]!, i === 1 ? '-' : ' ')).join(' | ')} |`)
    .join('\n');
}

const RANKS = [1, 2, 4, 8, 16, 32, 64];

function checkTable(): string {
  return table(
    ['ranks', 'stages', 'measured, s a step', 'simulated', 'off by'],
    calibration.ranks.map((run) => {
      const simulated = simulatedStep(run);
      const off = (100 * (simulated / run.secondsPerStep - 1)).toFixed(1);
      return [run.ranks, run.stages ?? 1, run.secondsPerStep.toFixed(3), simulated.toFixed(3), `${off} %`];
    }),
  );
}

function projectionTable(classes: number, network: Network): string {
  const base = projected(1, classes, network);
  const efficiency = ({ ranks, seconds }: Projection): string =>
    `${((100 * base.seconds) / (ranks * seconds)).toFixed(0)} %`;
  return table(
    [
      ...['ranks', 's a step', 'network', 'head', 'exchange', 'images/s', 'efficiency'],
      ...[`days, ${EPOCHS} epochs`, `in ${STAGES} stages`, 'a tenth of the classes'],
    ],
    RANKS.map((ranks) => {
      const p = projected(ranks, classes, network);
      const overlapped = projected(ranks, classes, network, { stages: STAGES });
      const partial = projected(ranks, classes, network, { sampled: 0.1 });
      return [
        ...[ranks, p.seconds.toFixed(1), p.network.toFixed(1), p.head.toFixed(1), p.exchanged.toFixed(2)],
        ...[(BATCH / p.seconds).toFixed(0), efficiency(p), p.days.toFixed(0)],
        `${overlapped.days.toFixed(0)} days, ${efficiency(overlapped)}`,
        `${partial.days.toFixed(0)} days`,
      ];
    }),
  );
}

function memoryTable(): string {
  return table(
    ['ranks', 'network, GB', 'images', 'head, 100,000', 'head, 1,000,000'],
    RANKS.map((ranks) => {
      const { network, images, head } = memoryOfRank(ranks, 1e5);
      return [
        ranks,
        ...[network, images, head, memoryOfRank(ranks, 1e6).head].map((value) => value.toFixed(2)),
      ];
    }),
  );
}

if (process.argv[1]?.endsWith('scaling.ts')) {
  const { link } = calibration;
  // In the order of the page.
  const tables = [
    checkTable(),
    ...[1e5, 1e6].flatMap((classes) =>
      Object.values(NETWORKS).map((network) => projectionTable(classes, network)),
    ),
    memoryTable(),
  ];
  console.log(
    `alpha ${(link.alpha * 1e6).toFixed(0)} us, beta ${(link.beta / 1e9).toFixed(2)} GB/s, ` +
      `a core beside a busy one: ${calibration.machine.speed(2).toFixed(2)}\n\n${tables.join('\n\n')}`,
  );
  if (process.argv.includes('--write')) {
    const page = new URL('../../docs/scaling.md', import.meta.url);
    const text = readFileSync(page, 'utf8');
    const found = text.match(/(^\|.*\n)+/gm)?.length;
    if (found !== tables.length) throw new Error(`${page} has ${found} tables, expected ${tables.length}`);
    let next = 0;
    writeFileSync(
      page,
      text.replace(/(^\|.*\n)+/gm, () => `${tables[next++]}\n`),
    );
  }
}

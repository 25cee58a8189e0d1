/**
 * The tables of docs/scaling.md: what the simulation says of the runs that were measured, and then of 1 to 64 hosts.
 *   npx tsx tooling/mpi/scaling.ts
 */
import { complexity, networkGraph } from '@arcface/backbones';
import { readCalibration } from './calibration.ts';
import { exchangesOfStep } from './exchanges-of-a-step.ts';
import type { Exchange } from './recording-communicator.ts';
import { exchangeSeconds, type Network, type Phase, simulate } from './simulation.ts';

const calibration = readCalibration();

/** A step: half of the work before the embeddings are exchanged, half before the gradients are. */
function phasesOf(exchanges: readonly Exchange[], work: number, threads: number): Phase[] {
  const largest = exchanges.reduce((best, { bytes }, i) => (bytes > exchanges[best]!.bytes ? i : best), 0);
  const embeddings = 2;
  return exchanges.map((exchange, i) => ({
    exchange,
    threads,
    work: i === embeddings ? work / 2 : i === largest ? work / 2 : 0,
  }));
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

/** What is said of a run that was measured: `ranks` on the one machine, one thread each. */
export function simulatedStep(ranks: number): number {
  const measured = calibration.ranks.find((run) => run.ranks === ranks)!;
  const steps = simulate({
    ranks,
    ranksPerHost: ranks,
    machine: calibration.machine,
    network: calibration.link,
    phases: phasesOf(measured.exchanges, calibration.alone(measured.batchSize / ranks), 1),
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

/** Of r50 in training, two cores, batches of 16, when the page was made; the backend's `bench/results/peers.md` has the newest. */
const R50_IMAGES_A_SECOND = 4.4;
const R50 = { dimensions: 512, numbers: complexity(networkGraph('r50')).parameters };
const BATCH = 512;
const SUBCENTERS = 3;
const IMAGES = 10e6;
const EPOCHS = 18;
/** Of a step from host to host, where hosts have the work of their own only. */
const JITTER = 0.03;

interface Projection {
  readonly ranks: number;
  readonly seconds: number;
  readonly network: number;
  readonly head: number;
  readonly exchanged: number;
  readonly days: number;
}

/** One rank a host of two cores like the measured one. @param sampled share of the classes that take part */
export function projected(ranks: number, classes: number, network: Network, sampled = 1): Projection {
  const exchanges = exchangesOfStep({
    ...{ ranks, batch: BATCH, dimensions: R50.dimensions, subcenters: SUBCENTERS, dynamics: true },
    // In tensors of a bucket's size: how they are cut matters little.
    tensors: Array.from({ length: Math.ceil(R50.numbers / 2 ** 21) }, (_, i) =>
      Math.min(2 ** 21, R50.numbers - i * 2 ** 21),
    ),
  });
  const images = BATCH / ranks / R50_IMAGES_A_SECOND;
  const head = calibration.head((classes * sampled) / ranks, BATCH);
  const steps = simulate({
    ...{ ranks, ranksPerHost: 1, network, jitter: JITTER, steps: 50 },
    machine: { cores: 2, speed: () => 1 },
    phases: phasesOf(exchanges, 2 * (images + head), 2),
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

function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  console.log([line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n'), '\n');
}

if (process.argv[1]?.endsWith('scaling.ts')) {
  const { link } = calibration;
  console.log(
    `alpha ${(link.alpha * 1e6).toFixed(0)} us, beta ${(link.beta / 1e9).toFixed(2)} GB/s, ` +
      `a core beside a busy one: ${calibration.machine.speed(2).toFixed(2)}\n`,
  );
  table(
    ['ranks', 'measured, s a step', 'simulated', 'off by'],
    calibration.ranks.map(({ ranks, secondsPerStep }) => {
      const simulated = simulatedStep(ranks);
      const off = (100 * (simulated / secondsPerStep - 1)).toFixed(1);
      return [ranks, secondsPerStep.toFixed(3), simulated.toFixed(3), `${off} %`];
    }),
  );
  for (const [classes, name] of [
    [1e5, '100,000 identities'],
    [1e6, '1,000,000 identities'],
  ] as const) {
    for (const [kind, network] of Object.entries(NETWORKS)) {
      console.log(`${name}, ${kind}`);
      const base = projected(1, classes, network);
      table(
        [
          'ranks',
          's a step',
          'network',
          'head',
          'exchange',
          'images/s',
          'efficiency',
          `days, ${EPOCHS} epochs`,
          'a tenth of the classes',
        ],
        [1, 2, 4, 8, 16, 32, 64].map((ranks) => {
          const p = projected(ranks, classes, network);
          const partial = projected(ranks, classes, network, 0.1);
          return [
            ranks,
            p.seconds.toFixed(1),
            p.network.toFixed(1),
            p.head.toFixed(1),
            p.exchanged.toFixed(2),
            (BATCH / p.seconds).toFixed(0),
            `${((100 * base.seconds) / (ranks * p.seconds)).toFixed(0)} %`,
            p.days.toFixed(0),
            `${partial.days.toFixed(0)} days`,
          ];
        }),
      );
    }
  }
  table(
    ['ranks', 'network, GB', 'images', 'head, 100,000', 'head, 1,000,000'],
    [1, 2, 4, 8, 16, 32, 64].map((ranks) => {
      const { network, images, head } = memoryOfRank(ranks, 1e5);
      return [
        ranks,
        ...[network, images, head, memoryOfRank(ranks, 1e6).head].map((value) => value.toFixed(2)),
      ];
    }),
  );
}

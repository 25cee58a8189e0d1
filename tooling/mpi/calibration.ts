/** What `measure.sh` has measured, as the numbers that the simulation takes. */
import { readFileSync } from 'node:fs';
import type { RecordedExchange } from './recording-communicator.ts';
import type { Machine, Network } from './simulation.ts';

interface Timed {
  readonly batchSize: number;
  readonly ranks: number;
  readonly secondsPerStep: number;
  readonly exchanges: readonly RecordedExchange[];
}

export interface Calibration {
  readonly link: Network;
  /** Seconds of a step of one process with one thread on an idle machine. */
  readonly alone: (images: number) => number;
  readonly machine: Machine;
  /** Steps of one to four ranks. */
  readonly ranks: readonly Timed[];
  /** Seconds of the head with two threads: loss, gradient and update. */
  readonly head: (classes: number, images: number) => number;
}

/** The results that are kept with this folder. */
export const MEASURED: URL = new URL('./results/measured.jsonl', import.meta.url);

export function readCalibration(file: URL = MEASURED): Calibration {
  const lines = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const of = <T>(what: string): T[] => lines.filter((line) => line.what === what);
  const alone = of<Timed>('alone');
  const [pair] = of<Timed>('two at once');
  const twelve = alone.find(({ batchSize }) => batchSize === pair!.batchSize)!;
  const slower = twelve.secondsPerStep / pair!.secondsPerStep;
  const step = lineThrough(alone.map(({ batchSize, secondsPerStep }) => [batchSize, secondsPerStep]));
  const heads = of<{ classes: number; batch: number; seconds: number }>('head');
  const perClass = lineThrough(heads.map(({ classes, batch, seconds }) => [batch, seconds / classes]));
  return {
    link: of<Network>('link')[0]!,
    alone: step,
    machine: { cores: 2, speed: (busy) => (busy > 1 ? slower : 1) },
    ranks: of<Timed>('ranks'),
    head: (classes, images) => classes * perClass(images),
  };
}

/** Least squares. */
function lineThrough(points: readonly (readonly [number, number])[]): (x: number) => number {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(([at]) => at), mean(([, value]) => value)];
  const slope = mean(([at, value]) => (at - x) * (value - y)) / mean(([at]) => (at - x) ** 2);
  return (at) => y + slope * (at - x);
}

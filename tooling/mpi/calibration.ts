/** What `measure.sh` has measured, as the numbers that the simulation takes. */
import { readFileSync } from 'node:fs';
import type { MeasuredRun } from './measured-run.ts';
import type { Machine, Network } from './simulation.ts';

export interface Calibration {
  readonly link: Network;
  /** Seconds of a step of one process with one thread on an idle machine, the backward pass in so many stages. */
  readonly alone: (images: number, stages: number) => number;
  readonly machine: Machine;
  /** Steps of one to four ranks. */
  readonly ranks: readonly MeasuredRun[];
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
  const alone = of<MeasuredRun>('alone');
  const inStages = (wanted: number): MeasuredRun[] => alone.filter(({ stages = 1 }) => stages === wanted);
  const [pair] = of<MeasuredRun>('two at once');
  const twelve = inStages(1).find(({ batchSize }) => batchSize === pair!.batchSize)!;
  const slower = twelve.secondsPerStep / pair!.secondsPerStep;
  const heads = of<{ classes: number; batch: number; seconds: number }>('head');
  const perClass = lineThrough(heads.map(({ classes, batch, seconds }) => [batch, seconds / classes]));
  return {
    link: of<Network>('link')[0]!,
    alone: (images, stages) =>
      lineThrough(inStages(stages).map(({ batchSize, secondsPerStep }) => [batchSize, secondsPerStep]))(
        images,
      ),
    machine: { cores: 2, speed: (busy) => (busy > 1 ? slower : 1) },
    ranks: of<MeasuredRun>('ranks'),
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

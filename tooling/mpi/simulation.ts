/**
 * A run of many ranks, event by event. Each rank computes, then meets all others in an exchange, then computes again; ranks of one host
 * share its cores, and who has come to an exchange waits without using one. What it knows of a machine are a few numbers that are
 * measured where there are few ranks; what it tells is how long a step takes where there are many.
 *
 * Exchanges are those of a ring in the alpha-beta model: a message of m bytes takes alpha + m / beta. What goes on beside the computing
 * (`--backward-stages`) takes the link, and none of the cores.
 */
import type { Exchange } from './recording-communicator.ts';

/** Seconds of work that are none but rounding. */
const NOTHING = 1e-12;

export interface Machine {
  readonly cores: number;
  /** How fast a core is, compared to when it is the only one at work, by how many are: memory is shared. */
  readonly speed: (busy: number) => number;
}

export interface Network {
  /** Seconds that a message takes beside its bytes. */
  readonly alpha: number;
  /** Bytes a second. */
  readonly beta: number;
}

/** What a rank does between two meetings, and the meeting. */
export interface Phase {
  /** Seconds on a core that has nothing else to do. */
  readonly work: number;
  /** Most cores that it can use. */
  readonly threads: number;
  readonly exchange: Exchange;
  /**
   * Whether the exchange is begun only, and goes on while the next phases are computed: by itself, one exchange after another, each from when
   * all ranks have come to it. Who comes to an exchange that does not overlap waits for all before it. Default false.
   */
  readonly overlaps?: boolean;
}

export interface SimulatedRun {
  readonly ranks: number;
  readonly ranksPerHost: number;
  readonly machine: Machine;
  readonly network: Network;
  readonly phases: readonly Phase[];
  /** Relative deviation of a phase's work from rank to rank and step to step. */
  readonly jitter: number;
  readonly steps: number;
  readonly seed?: number;
}

/** Seconds of an exchange from when all have come. Every exchange begins with one of eight bytes, in which ranks agree on it. */
export function exchangeSeconds(
  { operation, bytes }: Exchange,
  ranks: number,
  { alpha, beta }: Network,
): number {
  if (ranks === 1) return 0;
  const others = ranks - 1;
  const agreement = others * (alpha + 8 / beta);
  switch (operation) {
    case 'allReduce':
      return agreement + 2 * others * (alpha + bytes / ranks / beta);
    case 'allGather':
      return agreement + others * (alpha + bytes / beta);
    case 'broadcast':
      return agreement + Math.ceil(Math.log2(ranks)) * (alpha + bytes / beta);
    case 'barrier':
      return agreement;
  }
}

/** @returns seconds of each step */
export function simulate(run: SimulatedRun): number[] {
  const { ranks, ranksPerHost, machine, network, phases, jitter, steps, seed = 1 } = run;
  const normal = normals(seed);
  const hosts = Math.ceil(ranks / ranksPerHost);
  const stretches = untilAllMeet(phases);
  const times: number[] = [];
  let now = 0;
  for (let step = 0; step < steps; step++) {
    const begun = now;
    for (const stretch of stretches) {
      // When the last rank has come to each of the exchanges.
      const come = stretch.map(() => 0);
      for (let host = 0; host < hosts && stretch.some(({ work }) => work > 0); host++) {
        const here = Math.min(ranksPerHost, ranks - host * ranksPerHost);
        const tasks = Array.from({ length: here }, () =>
          stretch.map(({ work }) => work * Math.exp(jitter * normal())),
        );
        for (const ends of hostTimes(tasks, stretch[0]!.threads, machine))
          for (const [i, end] of ends.entries()) come[i] = Math.max(come[i]!, end);
      }
      let free = 0;
      for (const [i, { exchange }] of stretch.entries())
        free = Math.max(free, come[i]!) + exchangeSeconds(exchange, ranks, network);
      now += free;
    }
    times.push(now - begun);
  }
  return times;
}

/** Phases in stretches, at the end of each of which all ranks have met and nothing is under way. */
function untilAllMeet(phases: readonly Phase[]): Phase[][] {
  const stretches: Phase[][] = [];
  let isOpen = false;
  for (const phase of phases) {
    if (isOpen) stretches.at(-1)!.push(phase);
    else stretches.push([phase]);
    isOpen = phase.overlaps === true;
  }
  return stretches;
}

/**
 * When the ranks of a host, which begin together, are done with each of their tasks, one after another: from the end of a task of any of
 * them to the end of the next.
 */
function hostTimes(tasks: readonly (readonly number[])[], threads: number, machine: Machine): number[][] {
  const { cores, speed } = machine;
  const ranks = tasks.map((own) => ({ left: [...own], ends: [] as number[] }));
  let seconds = 0;
  for (;;) {
    for (const { left, ends } of ranks) {
      while (left.length > 0 && left[0]! <= NOTHING) {
        left.shift();
        ends.push(seconds);
      }
    }
    const active = ranks.filter(({ left }) => left.length > 0);
    if (active.length === 0) return ranks.map(({ ends }) => ends);
    const busy = Math.min(cores, active.length * threads);
    const rate = (busy / active.length) * speed(busy);
    const least = Math.min(...active.map(({ left }) => left[0]!));
    seconds += least / rate;
    for (const { left } of active) left[0]! -= least;
  }
}

/** Normally distributed numbers, the same for the same seed. */
function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

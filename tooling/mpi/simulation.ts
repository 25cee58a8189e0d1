/**
 * A run of many ranks, event by event. Each rank computes, then meets all others in an exchange, then computes again; ranks of one host
 * share its cores, and who has come to an exchange waits without using one. What it knows of a machine are a few numbers that are
 * measured where there are few ranks; what it tells is how long a step takes where there are many.
 *
 * Exchanges are those of a ring in the alpha-beta model: a message of m bytes takes alpha + m / beta.
 */
import type { Exchange } from './recording-communicator.ts';

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
  const times: number[] = [];
  let now = 0;
  for (let step = 0; step < steps; step++) {
    const begun = now;
    for (const { work, threads, exchange } of phases) {
      let last = 0;
      for (let host = 0; host < hosts; host++) {
        const here = Math.min(ranksPerHost, ranks - host * ranksPerHost);
        const left = Array.from({ length: here }, () => work * Math.exp(jitter * normal()));
        last = Math.max(last, hostSeconds(left, threads, machine));
      }
      now += last + exchangeSeconds(exchange, ranks, network);
    }
    times.push(now - begun);
  }
  return times;
}

/** Seconds until all ranks of a host have done their work: from the end of one to the end of the next. */
function hostSeconds(left: number[], threads: number, { cores, speed }: Machine): number {
  let seconds = 0;
  let active = left.filter((work) => work > 0).sort((a, b) => a - b);
  while (active.length > 0) {
    const busy = Math.min(cores, active.length * threads);
    const rate = (busy / active.length) * speed(busy);
    const least = active[0]!;
    seconds += least / rate;
    active = active.map((work) => work - least).filter((work) => work > 1e-12);
  }
  return seconds;
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

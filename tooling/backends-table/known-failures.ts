/**
 * The specs of tfjs-core that are known to fail on backends that are not this project's, with the reason of each: a file a backend in
 * known-failures/. Nothing here excuses a failure of this project's own code.
 */
import { existsSync } from 'node:fs';
import {
  readSpecList,
  type SpecLine,
} from '../../packages/tfjs-backend-onnxruntime/conformance/spec-list.ts';

/** What is wrong, for the summary below the table. */
export const failureKinds = {
  kernel: 'kernels or gradients that the backend does not have',
  argument: 'paddings, layouts or dtypes that its operation does not take',
  driver: 'numbers that WGSL leaves to the driver: what is not a number, how exact a cosine is',
  numbers: 'other numbers than the spec has, of the backend itself',
  silent: 'no complaint where one is expected',
  environment: 'specs that ask for a browser',
} as const;

export type FailureKind = keyof typeof failureKinds;

/** The list of a backend by the name that `arcface --backend` gives it; empty where there is none. */
export function readKnownFailures(backend: string): SpecLine<FailureKind>[] {
  // tfjs-node-gpu has the kernels of tfjs-node.
  const file = new URL(`known-failures/${backend.replace('-gpu', '')}.txt`, import.meta.url);
  return existsSync(file) ? readSpecList(file, Object.keys(failureKinds) as FailureKind[]) : [];
}

export interface Explained {
  /** How many failures are of which kind, the most frequent first. */
  readonly kinds: Partial<Record<FailureKind, number>>;
  /** Failures that no line tells of. */
  readonly unexplained: readonly string[];
  /** Lines that no failure was like. */
  readonly unused: readonly string[];
}

/** @param failures names of specs, without the backend's */
export function explain(failures: readonly string[], known: readonly SpecLine<FailureKind>[]): Explained {
  const counts = new Map<FailureKind, number>();
  const used = new Set<SpecLine<FailureKind>>();
  const unexplained: string[] = [];
  for (const name of failures) {
    const line = known.find((candidate) => candidate.matches(name));
    if (line === undefined) {
      unexplained.push(name);
      continue;
    }
    used.add(line);
    counts.set(line.kind, (counts.get(line.kind) ?? 0) + 1);
  }
  return {
    kinds: Object.fromEntries([...counts].sort(([, a], [, b]) => b - a)),
    unexplained,
    unused: known.filter((line) => !used.has(line)).map(({ spec }) => spec),
  };
}

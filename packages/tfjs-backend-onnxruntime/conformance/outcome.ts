// What the processes of a conformance run tell each other.

import { existsSync, readFileSync } from 'node:fs';

/** Which specs one process runs: a share of the suites, perhaps only those whose name contains a text, and none that a file has outcomes of. */
export interface Share {
  readonly index: number;
  readonly of: number;
  readonly only?: string;
  readonly outcomes?: string;
}

/** How one spec ended. */
export interface Outcome {
  readonly name: string;
  readonly passed: boolean;
  /** The first line of what it complained about. */
  readonly message?: string;
}

/** The outcomes that a file has, a line of JSON each; none where there is no file. */
export function readOutcomes(file: string): Outcome[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Outcome);
}

/** Suites that run on a backend carry its name and flags: `add onnxruntime {} broadcasts ...`. */
const mark = (backendName: string) => ` ${backendName} {}`;

export function runsOnBackend(name: string, backendName: string): boolean {
  return name.includes(mark(backendName));
}

export function suiteOf(name: string, backendName: string): string {
  return name.split(mark(backendName))[0]!;
}

/** The name without the backend's, as exclusions are written. */
export function plainName(name: string, backendName: string): string {
  return name.replace(mark(backendName), '');
}

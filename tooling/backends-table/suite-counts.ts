/** How tfjs-core's specs ended on backends that are not this project's, as op-suite.ts keeps it for the table. */
import { readFileSync } from 'node:fs';
import { type FailureKind, failureKinds } from './known-failures.ts';

export interface SuiteCounts {
  readonly pass: number;
  readonly fail: number;
  /** Whether all specs had their turn, within so many minutes (of all parts of the run). */
  readonly isWhole: boolean;
  readonly minutes: number;
  /** How many of the failures are of which kind. */
  readonly kinds: Partial<Record<FailureKind, number>>;
  /** Names of the failures that nothing explains. */
  readonly unexplained: readonly string[];
}

export const suiteFile = new URL('op-suite.json', import.meta.url);

/** By the names that `arcface --backend` gives the backends. */
export function readSuiteCounts(): Readonly<Record<string, SuiteCounts>> {
  return JSON.parse(readFileSync(suiteFile, 'utf8'));
}

/** A cell of the table. */
export function suiteCell({ pass, fail, unexplained, isWhole, minutes }: SuiteCounts): string {
  const counts = `${pass} pass, ${fail} fail, of these ${fail - unexplained.length} explained`;
  return isWhole ? counts : `${counts}, of what ran in ${minutes} min`;
}

/** What fails and why, a line a backend; empty where nothing was run. */
export function failureSummary(suites: Readonly<Record<string, SuiteCounts>>): string {
  const lines = Object.entries(suites).map(([backend, { fail, kinds, unexplained }]) => {
    const parts = Object.entries(kinds).map(
      ([kind, count]) => `${count} ${failureKinds[kind as FailureKind]}`,
    );
    if (unexplained.length > 0) parts.push(`${unexplained.length} not explained`);
    return `- \`${backend}\`, ${fail}: ${parts.join('; ')}.`;
  });
  if (lines.length === 0) return '';
  const where = '`tooling/backends-table/known-failures` has a reason for each';
  return `\nWhat fails of tfjs-core's specs, by kind (${where}):\n\n${lines.join('\n')}\n`;
}

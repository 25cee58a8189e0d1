// What a run says: each spec against the exclusions, the counts of each suite, and the faults that fail the run.

import type { Exclusion } from './exclusions.ts';
import { type Outcome, plainName, runsOnBackend, suiteOf } from './outcome.ts';

export interface Counts {
  passed: number;
  lacks: number;
  differs: number;
}

export interface Verdict {
  /** Specs that run on the backend, by suite. */
  readonly suites: ReadonlyMap<string, Counts>;
  readonly total: Counts;
  /** Specs that need no backend, and how many of them passed. */
  readonly withoutBackend: { specs: number; passed: number };
  /** What must not be; empty when all is as expected. */
  readonly faults: readonly string[];
}

/** Of the applicable specs, the share that may be excluded because the backend differs. */
export const allowedDifferences = 0.02;

export function judge(
  outcomes: readonly Outcome[],
  exclusions: readonly Exclusion[],
  backendName: string,
): Verdict {
  const suites = new Map<string, Counts>();
  const total: Counts = { passed: 0, lacks: 0, differs: 0 };
  const withoutBackend = { specs: 0, passed: 0 };
  const faults: string[] = [];
  const used = new Set<Exclusion>();
  for (const outcome of outcomes) {
    const name = plainName(outcome.name, backendName);
    const exclusion = exclusions.find((candidate) => candidate.matches(name));
    if (exclusion) used.add(exclusion);
    if (outcome.passed && exclusion) {
      faults.push(`passes, but is excluded by '${exclusion.spec}' (${exclusion.reason}): ${name}`);
    }
    if (!outcome.passed && !exclusion) faults.push(`fails: ${name}: ${outcome.message ?? 'no message'}`);
    const verdict: keyof Counts | null = outcome.passed ? 'passed' : (exclusion?.kind ?? null);
    if (!runsOnBackend(outcome.name, backendName)) {
      withoutBackend.specs++;
      if (outcome.passed) withoutBackend.passed++;
      continue;
    }
    const suite = suiteOf(outcome.name, backendName).trim();
    const counts = suites.get(suite) ?? { passed: 0, lacks: 0, differs: 0 };
    suites.set(suite, counts);
    if (verdict === null) continue;
    counts[verdict]++;
    total[verdict]++;
  }
  for (const exclusion of exclusions) {
    if (!used.has(exclusion)) faults.push(`no spec is called so: '${exclusion.spec}'`);
  }
  const applicable = total.passed + total.differs;
  if (total.differs > allowedDifferences * applicable) {
    faults.push(`${total.differs} of ${applicable} applicable specs are excluded, more than 2 %`);
  }
  return { suites, total, withoutBackend, faults };
}

/** The counts of the suites as the table that is kept, in columns as the formatter of the repository has them. */
export function table(verdict: Verdict): string {
  const cells = (name: string, { passed, lacks, differs }: Counts) => [
    name,
    `${passed}`,
    `${lacks || ''}`,
    `${differs || ''}`,
  ];
  const suites = [...verdict.suites].sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = [
    ['suite', 'pass', 'not applicable', 'differ'],
    cells('**all**', verdict.total),
    ...suites.map(([name, counts]) => cells(name, counts)),
  ];
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [
    "# tfjs-core's own test-suite on this backend",
    '',
    'Written by `pnpm --filter tfjs-backend-onnxruntime conformance --write`; the same command without `--write` fails when',
    'a count differs. Not applicable and different specs are listed, with reasons, in [exclusions.txt](exclusions.txt).',
    '',
    line(rows[0]!),
    line(rule),
    ...rows.slice(1).map(line),
    '',
  ].join('\n');
}

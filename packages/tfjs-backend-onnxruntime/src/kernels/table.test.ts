// The README's table of kernels is held to the tables in the code.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { delegatedKernels, refusedKernels } from './delegated.ts';
import { kernelTable, tracedKernels } from './table.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The names in the rows that begin so. */
function namesIn(...beginnings: readonly string[]): string[] {
  const rows = readme
    .split('\n')
    .filter((line) => beginnings.some((beginning) => line.startsWith(`| ${beginning}`)));
  expect(rows.length).toBe(beginnings.length);
  return rows.flatMap((row) => [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name!)).sort();
}

const named = (rows: typeof kernelTable) => rows.map((row) => row.kernel).sort();
const traced = ['lowered', 'free', 'numbers made', 'composed'];

it('lists each kernel once, where the README says it is', () => {
  const own = namesIn('own');
  expect([...namesIn(...traced), ...own].sort()).toEqual(named(tracedKernels));
  expect(namesIn('delegated')).toEqual(named(delegatedKernels));
  expect(namesIn('refused')).toEqual(named(refusedKernels));
  expect(new Set(named(kernelTable)).size).toBe(kernelTable.length);
});

it('tells of every kernel name of tfjs-core', () => {
  const require = createRequire(import.meta.url);
  const names = Object.values(
    require('@tensorflow/tfjs-core/dist/kernel_names.js') as Record<string, string>,
  );
  expect(names.length).toBeGreaterThan(170);
  const told = new Set([...namesIn(...traced, 'delegated', 'refused'), ...namesIn('names without a kernel')]);
  expect(names.filter((name) => !told.has(name))).toEqual([]);
});

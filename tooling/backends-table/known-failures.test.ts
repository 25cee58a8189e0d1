import { expect, it } from 'vitest';
import { explain, readKnownFailures } from './known-failures.ts';
import { failureSummary, readSuiteCounts, suiteCell } from './suite-counts.ts';

it('tells explained failures from others, and lists what nothing was like', () => {
  const known = readKnownFailures('webgpu');
  const failures = [
    'raggedRange IntValues',
    'cumsum gradient: 1D',
    'cumsum gradient with clones',
    'add adds',
  ];
  const { kinds, unexplained, unused } = explain(failures, known);
  expect(kinds).toEqual({ numbers: 2, kernel: 1 });
  expect(unexplained).toEqual(['add adds']);
  expect(unused).toContain('bitwiseAnd *');
  expect(unused.length).toBe(known.length - 2);
  expect(readKnownFailures('no-such-backend')).toEqual([]);
  expect(readKnownFailures('node-gpu')).toEqual(
    readKnownFailures('node').map((line) => ({ ...line, matches: expect.any(Function) })),
  );
});

it('says in the table what is explained and what is not', () => {
  const counts = {
    ...{ pass: 3, fail: 2, isWhole: false, minutes: 1.5 },
    ...{ kinds: { kernel: 1 }, unexplained: ['add adds'] },
  };
  expect(suiteCell(counts)).toBe('3 pass, 2 fail, of these 1 explained, of what ran in 1.5 min');
  expect(suiteCell({ ...counts, isWhole: true })).toBe('3 pass, 2 fail, of these 1 explained');
  expect(failureSummary({ webgpu: counts })).toContain(
    '- `webgpu`, 2: 1 kernels or gradients that the backend does not have; 1 not explained.',
  );
  expect(failureSummary({})).toBe('');
});

it('keeps counts that add up', () => {
  for (const { fail, kinds, unexplained } of Object.values(readSuiteCounts())) {
    const explained = Object.values(kinds).reduce((sum, count) => sum + count, 0);
    expect(explained + unexplained.length).toBe(fail);
  }
});

import { expect, test } from 'vitest';
import { evidenceFor, type RuleName, type RuleOptions } from './rule-options.ts';

const seen = (rule: RuleName, how: { hasSubcenters: boolean; others?: boolean; k?: number }) => {
  const options = { rule, k: how.k, apply: [] } as unknown as RuleOptions & { rule: RuleName };
  return evidenceFor(
    options,
    { hasSubcenters: how.hasSubcenters },
    { trainSubcenters: true, hasSeenOthers: how.others === true },
  ).subcenters;
};

test("a rule that needs no sub-centres does not judge people by other people's", () => {
  for (const rule of ['auto', 'self-trained'] as const) {
    expect(seen(rule, { hasSubcenters: true, others: true })).toBe('none');
    expect(seen(rule, { hasSubcenters: true })).toBe('model');
    expect(seen(rule, { hasSubcenters: false, others: true })).toBe('none');
    expect(seen(rule, { hasSubcenters: true, others: true, k: 3 })).toBe('model');
  }
  expect(seen('angle', { hasSubcenters: true, others: true })).toBe('model');
  expect(seen('angle', { hasSubcenters: false })).toBe('trained');
});

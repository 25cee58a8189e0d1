import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseIdentityNames, serializeIdentityNames } from './identity-names.ts';

test('names come back as they were written, in order of labels', () => {
  const labels = fc.integer({ min: 0, max: 0x7fffffff });
  fc.assert(
    fc.property(fc.array(fc.tuple(labels, fc.string())), (entries) => {
      const names = new Map(entries);
      const read = parseIdentityNames(serializeIdentityNames(names));
      expect([...read]).toEqual([...names].sort(([a], [b]) => a - b));
    }),
    { numRuns: 50 },
  );
});

test.each([
  ['not JSON', '{"0": "Ada"'],
  ['a list', '["Ada"]'],
  ['nothing', 'null'],
  ['labels by name', '{"Ada": 0}'],
  ['a label that is empty', '{"": "Ada"}'],
  ['a label with a sign', '{"-1": "Ada"}'],
  ['a name that is no text', '{"0": {"first": "Ada"}}'],
])('refuses %s', (_, text) => {
  expect(() => parseIdentityNames(text)).toThrow(
    expect.objectContaining({
      code: 'property-syntax',
      message: expect.stringContaining('identities.json'),
    }),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FacePair, lfwImageName, parsePairs } from './pairs.ts';

test('reads a list with folds', () => {
  const { folds, pairs } = parsePairs('2\t1\nA_B\t1\t4\nA_B\t2\tC\t3\nD\t1\t2\r\nD\t1\tE\t1\n');
  expect(folds).toBe(2);
  expect(pairs).toHaveLength(4);
  expect(pairs[0]).toEqual({
    first: { name: 'A_B', index: 1 },
    second: { name: 'A_B', index: 4 },
    same: true,
  });
  expect(pairs[1]).toEqual({
    first: { name: 'A_B', index: 2 },
    second: { name: 'C', index: 3 },
    same: false,
  });
  expect(lfwImageName(pairs[0]!.second)).toBe('A_B_0004');
});

test('names may have blanks in them where tabs separate', () => {
  const { pairs } = parsePairs('Jane Doe\t1\t4\nJane Doe\t2\tJohn Roe\t3\nA_B 1\t2\n');
  expect(pairs.map(({ first, second }) => [first.name, first.index, second.name, second.index])).toEqual([
    ['Jane Doe', 1, 'Jane Doe', 4],
    ['Jane Doe', 2, 'John Roe', 3],
    ['A_B', 1, 'A_B', 2],
  ]);
});

test('reads a development list (one number) and one without a first line', () => {
  expect(parsePairs('1\nA\t1\t2\nA\t1\tB\t1\n')).toMatchObject({ folds: 1, pairs: { length: 2 } });
  expect(parsePairs('A 1 2\n')).toMatchObject({ folds: 1, pairs: { length: 1 } });
});

test.each([
  ['fewer pairs than announced', '1 2\nA 1 2\n', /announces 4 pairs, but 1/],
  ['too many fields', 'A 1 B 2 3\n', /Line 1 .* 5 fields/],
  ['an index of 0', 'A 1 2\nA 0 2\n', /Line 2 .*"0"/],
  ['a number beyond reason', 'A 1 99999999999\n', /Line 1/],
  ['nothing', '\n\n', /empty/],
])('refuses %s', (_name, text, message) => {
  expect(() => parsePairs(text)).toThrow(message);
});

test('whatever is written is read back', () => {
  const image = fc.record({
    name: fc.stringMatching(/^[A-Z][a-z_-]{1,12}$/),
    index: fc.integer({ min: 1, max: 9999 }),
  });
  const pair = fc.oneof(
    fc
      .tuple(image, fc.integer({ min: 1, max: 9999 }))
      .map(([first, index]): FacePair => ({ first, second: { name: first.name, index }, same: true })),
    fc.tuple(image, image).map(([first, second]): FacePair => ({ first, second, same: false })),
  );
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1 }), (pairs) => {
      const lines = pairs.map(({ first, second, same }) =>
        [first.name, first.index, ...(same ? [] : [second.name]), second.index].join('\t'),
      );
      expect(parsePairs(lines.join('\n')).pairs).toEqual(pairs);
    }),
  );
});

test('never does anything but return or throw the typed error', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parsePairs(text);
      } catch (error) {
        expect(error).toMatchObject({ name: 'TrainingError', code: 'invalid-pairs' });
      }
    }),
  );
});

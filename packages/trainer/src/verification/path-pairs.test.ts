import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePairs } from './pairs.ts';
import { isPathPairs, parseCfpPairs, parsePathPairs } from './path-pairs.ts';

test('reads pairs of paths, whatever separates them', () => {
  const pair = { first: 'a/1.jpg', second: 'b/2.jpg', same: false };
  expect(parsePathPairs('a/1.jpg b/2.jpg 0\n\na/1.jpg,a/2.jpg,1\r\n')).toEqual([
    pair,
    { first: 'a/1.jpg', second: 'a/2.jpg', same: true },
  ]);
});

test('paths may have blanks in them where tabs or commas separate', () => {
  const pair = { first: 'Jane Doe/1.jpg', second: 'John, jr/2.jpg', same: true };
  expect(parsePathPairs('Jane Doe/1.jpg\tJohn, jr/2.jpg\t1\n')).toEqual([pair]);
  expect(isPathPairs('Jane Doe/1.jpg, Jane Doe/2.jpg, 0')).toBe(true);
  expect(parsePathPairs('Jane Doe/1.jpg, Jane Doe/2.jpg, 0')).toEqual([
    { first: 'Jane Doe/1.jpg', second: 'Jane Doe/2.jpg', same: false },
  ]);
  // Which of them belong together nobody can tell.
  expect(() => parsePathPairs('Jane Doe/1.jpg Jane Doe/2.jpg 0')).toThrow(/Line 1/);
});

test('tells pairs of paths from those of LFW', () => {
  expect(isPathPairs('\n a/1.jpg\tb/2.jpg\t1\n')).toBe(true);
  for (const lfw of ['10\t300\nA\t1\t4\n', 'A\t1\t1\n', 'A 1 B 1\n', ''])
    expect(isPathPairs(lfw)).toBe(false);
});

test.each([
  ['a label that is none', 'a b 2\n', /Line 1/],
  ['a missing field', 'a b 1\na 1\n', /Line 2/],
  ['nothing', ' \n', /empty/],
])('refuses %s', (_name, text, message) => expect(() => parsePathPairs(text)).toThrow(message));

test("reads CFP's protocol", () => {
  const frontal = '1 ../Data/Images/001/frontal/01.jpg\n2 ../Data/Images/002/frontal/01.jpg\n';
  const profile = '1 ../Data/Images/001/profile/01.jpg\n2 ../Data/Images/002/profile/01.jpg\n';
  const folds = [
    { same: '1,1\n', different: '1,2\n' },
    { same: '2,2\n', different: '2,1' },
  ];
  const pairs = parseCfpPairs({ frontal, profile, folds });
  expect(pairs.map(({ same }) => same)).toEqual([true, false, true, false]);
  expect(pairs[1]).toEqual({
    first: 'Data/Images/001/frontal/01.jpg',
    second: 'Data/Images/002/profile/01.jpg',
    same: false,
  });
  expect(() => parseCfpPairs({ frontal, profile, folds: [{ same: '1,3\n', different: '' }] })).toThrow(
    /"1,3"/,
  );
  expect(() => parseCfpPairs({ frontal, profile, folds: [] })).toThrow(/none/);
  expect(() =>
    parseCfpPairs({ frontal, profile, folds: [folds[0]!, { same: '2,2\n', different: '' }] }),
  ).toThrow(/2, 1/);
});

test('never does anything but return or throw the typed error', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, other) => {
      for (const parse of [
        () => parsePathPairs(text),
        () => parsePairs(text),
        () => parseCfpPairs({ frontal: text, profile: other, folds: [{ same: other, different: text }] }),
      ]) {
        try {
          parse();
        } catch (error) {
          expect(error).toMatchObject({ name: 'TrainingError', code: 'invalid-pairs' });
        }
      }
    }),
  );
});

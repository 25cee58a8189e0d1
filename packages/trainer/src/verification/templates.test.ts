import { expect, test } from 'vitest';
import { parseTemplateMembers, parseTemplatePairs, poolTemplates, templateDistances } from './templates.ts';

const members = parseTemplateMembers('1.jpg 7 1\n2.jpg 7 2\n3.jpg 7 2\n4.jpg 9 5\n');

test('a medium counts once, however many images it has', () => {
  const images = {
    embeddings: Float32Array.of(3, 0, 0, 2, 0, 4, 0, 5),
    dimensions: 2,
    templates: members.map(({ template }) => template),
    media: members.map(({ media }) => media),
  };
  const pooled = poolTemplates(images);
  // Template 7: the photo (3, 0) and the video's mean (0, 3), so 45 degrees from template 9 (0, 5).
  expect(pooled.rows).toEqual(
    new Map([
      [7, 0],
      [9, 1],
    ]),
  );
  expect([...pooled.embeddings.slice(0, 2)].map((x) => x.toFixed(6))).toEqual(['0.707107', '0.707107']);
  const pairs = parseTemplatePairs('7 9 0\n9 9 1');
  const [apart, equal] = templateDistances(pooled, pairs);
  expect(apart).toBeCloseTo(2 - Math.SQRT2, 6);
  expect(equal).toBe(0);
  // Without lengths: (1, 0) + (0, 1), the same direction here; a longer photo changes only the weighted sum.
  const longer = { ...images, embeddings: Float32Array.of(30, 0, 0, 2, 0, 4, 0, 5) };
  expect(poolTemplates(longer, { weightByNorm: false }).embeddings[0]).toBeCloseTo(Math.SQRT1_2, 6);
  expect(poolTemplates(longer).embeddings[0]).toBeCloseTo(30 / Math.hypot(30, 3), 6);
});

test.each([true, false])(
  'a value that is not finite is refused by its template (weighted: %s)',
  (weightByNorm) => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const images = {
        embeddings: Float32Array.of(1, 0, wrong, 1),
        dimensions: 2,
        templates: [3, 4],
        media: [1, 1],
      };
      expect(() => poolTemplates(images, { weightByNorm })).toThrow(/template 4 is not finite/);
    }
  },
);

test('a template of one image is that image, and one of zeros stays zero', () => {
  const images = { embeddings: Float32Array.of(0, 7, 0, 0), dimensions: 2, templates: [1, 2], media: [1, 1] };
  for (const weightByNorm of [true, false]) {
    expect([...poolTemplates(images, { weightByNorm }).embeddings]).toEqual([0, 1, 0, 0]);
  }
});

test('an image that could not be embedded takes nothing from the others of its medium', () => {
  const images = {
    embeddings: Float32Array.of(0, 4, 0, 0, 3, 0),
    dimensions: 2,
    templates: [1, 1, 1],
    media: [1, 1, 2],
  };
  const without = { ...images, embeddings: Float32Array.of(0, 4, 3, 0), templates: [1, 1], media: [1, 2] };
  for (const weightByNorm of [true, false]) {
    expect(poolTemplates(images, { weightByNorm })).toEqual(poolTemplates(without, { weightByNorm }));
  }
});

test.each([
  ['a line too short', () => parseTemplateMembers('1.jpg 7\n'), /Line 1.*3 fields, got 2/],
  ['a template that is no number', () => parseTemplateMembers('1.jpg x 1\n'), /"x"/],
  ['a label that is none', () => parseTemplatePairs('1 2 3\n'), /0 or 1, got "3"/],
  ['nothing', () => parseTemplatePairs('\n'), /empty/],
  [
    'a template without an image',
    () =>
      templateDistances({ embeddings: new Float32Array(2), dimensions: 2, rows: new Map([[1, 0]]) }, [
        { first: 1, second: 4, same: true },
      ]),
    /template 4/,
  ],
  [
    'sizes that disagree',
    () => poolTemplates({ embeddings: new Float32Array(3), dimensions: 2, templates: [1], media: [1] }),
    /1 rows of 2 values/,
  ],
])('refuses %s', (_name, act, message) => expect(act).toThrow(message));

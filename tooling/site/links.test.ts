import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Page, pages, root, siteText } from './pages.ts';

const all = pages();
const targets = new Map(all.map(({ source, target }) => [source, target]));
const textOf = ({ source }: Page): string => readFileSync(join(root, source), 'utf8');

describe('links between pages', () => {
  test.each(all)('of $source lead to files that are there', (page) => {
    expect(() => siteText(textOf(page), page, targets)).not.toThrow();
  });

  test.each(all)('of $source lead to headings that are there', (page) => {
    for (const [, address] of siteText(textOf(page), page, targets).matchAll(
      /\]\((\/?[^()\s:]*#[^()\s]+)\)/g,
    )) {
      const [path, anchor] = address!.split('#') as [string, string];
      const target = path === '' ? page : all.find(({ target }) => `/${target}` === path);
      expect(`${address}: ${target === undefined ? 'no page' : hasHeading(textOf(target), anchor)}`).toBe(
        `${address}: true`,
      );
    }
  });
});

describe('siteText', () => {
  const page = { source: 'docs/guides/browser.md', target: 'guides/browser.md' };
  const rewritten = (text: string): string => siteText(text, page, targets);

  test('leads to pages, keeps anchors, and shows files of the repository without a link', () => {
    expect(rewritten('[a](../cleaning.md#x)')).toBe('[a](/cleaning.md#x)');
    expect(rewritten('[a](../../packages/recordio)')).toBe('[a](/packages/recordio.md)');
    expect(rewritten('[the code](../../packages/recordio/src/index.ts)')).toBe('the code');
    expect(rewritten('![p](../pictures/noise.png)')).toBe('![p](/pictures/noise.png)');
    expect(rewritten('[a](https://example.org)')).toBe('[a](https://example.org)');
  });

  test('leaves code alone', () => {
    expect(rewritten('`[a](b.md)`')).toBe('`[a](b.md)`');
    expect(rewritten('```ts\n[a](b.md)\n```')).toBe('```ts\n[a](b.md)\n```');
  });

  test('refuses what leads nowhere', () => {
    expect(() => rewritten('[a](nowhere.md)')).toThrow(/docs\/guides\/browser.md links to nowhere.md/);
    expect(() => rewritten('[a](http://example.org)')).toThrow(/no https address/);
  });
});

/** Whether a page has a heading that GitHub and the site would give this anchor. */
function hasHeading(markdown: string, anchor: string): boolean {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('#'))
    .some((line) => slug(line.replace(/^#+ /, '')) === anchor);
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/`/g, '')
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/* What pages for contributors say of the repository is so: files, what is in them, and what packages are built on. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const pages = [
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs/contributing')).map((name) => `docs/contributing/${name}`),
];

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

test.each(pages)('%s names files that exist', (page) => {
  const named = [...read(page).matchAll(/`((?:packages|apps|tooling|docs)\/[\w@./-]*)`/g)].map(
    ([, path]) => path!,
  );
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

describe('where a value goes', () => {
  const text = read('docs/contributing/where-a-value-goes.md');

  test('a row names what is in its file', () => {
    const rows = [...text.matchAll(/^\| `([\w@./-]+\.ts)` +\| `(\w+)` /gm)];
    expect(rows.length).toBeGreaterThan(40);
    const absent = rows.filter(([, file, name]) => !new RegExp(`\\b${name}\\b`).test(read(file!)));
    expect(absent.map(([, file, name]) => `${name} in ${file}`)).toEqual([]);
  });

  test('packages are built on what the page says, and on no other of the repository', () => {
    const rows = [...text.matchAll(/^\| `([\w-]+)` +\| ([`\w, -]*)\|$/gm)];
    const told = rows.map(([, name, on]) => [
      name,
      [...on!.matchAll(/`([\w-]+)`/g)].map(([, it]) => it).sort(),
    ]);
    const there = readdirSync(join(root, 'packages')).map((name) => {
      const { dependencies = {} } = JSON.parse(read(`packages/${name}/package.json`)) as {
        dependencies?: Record<string, string>;
      };
      const own = Object.entries(dependencies).filter(([, version]) => version.startsWith('workspace:'));
      return [name, own.map(([dependency]) => dependency.replace('@arcface/', '')).sort()];
    });
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(there));
  });
});

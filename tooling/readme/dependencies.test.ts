import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/* Every direct dependency of every package of the repository is justified on a page, and the page names no other. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const KINDS = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'] as const;

function direct(): Set<string> {
  const folders = [
    '.',
    ...['packages', 'apps', 'tooling'].flatMap((group) =>
      readdirSync(join(root, group)).map((name) => join(group, name)),
    ),
  ];
  const names = new Set<string>();
  for (const folder of folders) {
    const file = join(root, folder, 'package.json');
    if (!existsSync(file)) continue;
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as Partial<
      Record<(typeof KINDS)[number], Record<string, string>>
    >;
    for (const kind of KINDS) {
      for (const [name, version] of Object.entries(manifest[kind] ?? {}))
        if (!version.startsWith('workspace:')) names.add(name);
    }
  }
  return names;
}

test('dependencies and their page agree', () => {
  const page = readFileSync(join(root, 'docs/contributing/dependencies.md'), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('|'));
  const told = new Set(
    rows.flatMap((row) => [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)),
  );
  const there = direct();
  expect([...there].filter((name) => !told.has(name))).toEqual([]);
  expect([...told].filter((name) => !there.has(name))).toEqual([]);
});

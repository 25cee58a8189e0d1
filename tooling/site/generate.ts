/**
 * Writes the pages of docs/ that are made from the code: the command line's, and the errors'. `pnpm site:generate`; with `--check` it
 * writes nothing and fails if a page isn't what it would write.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLinePages } from './command-line-pages.ts';
import { errorsPage } from './errors-page.ts';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
const check = process.argv.includes('--check');

const pages = [...(await commandLinePages()), errorsPage()];
const stale: string[] = [];
for (const { path, text } of pages) {
  const file = join(docs, path);
  if (read(file) === text) continue;
  stale.push(path);
  if (check) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
for (const name of readdirSync(join(docs, 'cli'))) {
  if (pages.some(({ path }) => path === `cli/${name}`)) continue;
  stale.push(`cli/${name}`);
  if (!check) rmSync(join(docs, 'cli', name));
}
for (const path of stale) console.log(`${check ? 'not what the code says' : 'written'}: docs/${path}`);
if (check && stale.length > 0) {
  console.error('Run `npx pnpm site:generate`.');
  process.exitCode = 1;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

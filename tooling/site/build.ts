/**
 * Builds the documentation site into `tooling/site/dist`: puts together the pages of docs/, the READMEs and the API reference, with links
 * as the site has them, and lets VitePress render them. A link that leads nowhere ends the build. Needs no network.
 * `pnpm site:build`; `pnpm site:dev` serves it on this machine.
 */
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeApiPages } from './api-pages.ts';
import { pages, root, siteText } from './pages.ts';

const here = fileURLToPath(new URL('./', import.meta.url));
const folder = join(here, '.pages');

rmSync(folder, { recursive: true, force: true });
const all = pages();
const targets = new Map(all.map(({ source, target }) => [source, target]));
for (const page of all) {
  const file = join(folder, page.target);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, siteText(readFileSync(join(root, page.source), 'utf8'), page, targets));
}
cpSync(join(root, 'docs'), join(folder, 'public'), {
  recursive: true,
  filter: (path) => statSync(path).isDirectory() || /\.(png|svg|jpg)$/.test(path),
});
await writeApiPages(join(folder, 'api'));

mkdirSync(join(folder, '.vitepress'), { recursive: true });
cpSync(join(here, 'vitepress.config.ts'), join(folder, '.vitepress/config.ts'));
process.env.ARCFACE_SITE_PAGES = folder;
const { build, createServer } = await import('vitepress');
if (process.argv.includes('--dev')) {
  const server = await createServer(folder);
  await server.listen();
  server.printUrls();
} else {
  await build(folder, { outDir: join(here, 'dist') });
  console.log(`${all.length} pages and the API in tooling/site/dist`);
}

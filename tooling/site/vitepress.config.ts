/** The site: its menus, its search (within the page, no service), light and dark by the reader's system. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';

/** Set by build.ts, which has put the pages together there. */
const pagesFolder = process.env.ARCFACE_SITE_PAGES!;

interface Item {
  readonly text: string;
  readonly link: string;
}

/** The pages of a folder by their first headings. */
function itemsOf(folder: string, except: readonly string[] = []): Item[] {
  return readdirSync(join(pagesFolder, folder))
    .filter((name) => name.endsWith('.md') && !except.includes(name))
    .map((name) => ({
      text: titleOf(join(pagesFolder, folder, name)),
      link: `/${folder}/${name.replace(/\.md$/, '')}`,
    }));
}

function titleOf(file: string): string {
  return /^# (.*)$/m.exec(readFileSync(file, 'utf8'))?.[1]?.replace(/[\\`]/g, '') ?? file;
}

/** API pages: one for each entry point, in folders named as it is imported. */
function apiItems(folder = 'api'): Item[] {
  return readdirSync(join(pagesFolder, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return apiItems(path);
    if (!entry.name.endsWith('.md') || path === 'api/index.md') return [];
    return [{ text: titleOf(join(pagesFolder, path)), link: `/${path.replace(/\.md$/, '')}` }];
  });
}

export default defineConfig({
  title: 'arcface',
  description: 'Clean noisy face datasets, and train face-recognition models on what is left.',
  srcDir: '.',
  cleanUrls: false,
  lastUpdated: false,
  // The API's pages link to each other by themselves; a link that leads nowhere anywhere ends the build.
  ignoreDeadLinks: false,
  vite: { logLevel: 'warn', build: { chunkSizeWarningLimit: 5000 } },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'How it works', link: '/concepts' },
      { text: 'Command line', link: '/cli/' },
      { text: 'API', link: '/api/' },
    ],
    sidebar: [
      {
        text: 'Begin',
        items: [
          { text: 'Ten minutes', link: '/start' },
          { text: 'How it works', link: '/concepts' },
          { text: 'What it is, and figures', link: '/overview' },
        ],
      },
      { text: 'Guides', items: itemsOf('guides') },
      {
        text: 'Know',
        items: [...itemsOf('.', ['index.md', 'start.md', 'concepts.md', 'overview.md'])].map(
          ({ text, link }) => ({
            text,
            link: link.replace('/./', '/'),
          }),
        ),
      },
      { text: 'Packages', collapsed: true, items: itemsOf('packages') },
      { text: 'Command line', collapsed: true, items: itemsOf('cli') },
      { text: 'API', collapsed: true, items: apiItems() },
      { text: 'Contributing', collapsed: true, items: itemsOf('contributing') },
    ],
  },
});

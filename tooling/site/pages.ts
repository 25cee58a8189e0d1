/** Which files of the repository are pages of the site, where they stand in it, and where its pages link to. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** A page: its file in the repository, and its file in the site; both with `/`, relative. */
export interface Page {
  readonly source: string;
  readonly target: string;
}

/** All pages that are written by hand or by `generate.ts`; the API's come beside them. */
export function pages(): Page[] {
  const found: Page[] = [
    { source: 'README.md', target: 'overview.md' },
    { source: 'CONTRIBUTING.md', target: 'contributing/index.md' },
    { source: 'apps/cli/README.md', target: 'packages/arcface.md' },
    { source: 'apps/studio/README.md', target: 'packages/studio.md' },
    { source: 'tooling/tfjs-node/README.md', target: 'tooling/tfjs-node.md' },
    { source: 'tooling/oracles/README.md', target: 'tooling/oracles.md' },
  ];
  for (const path of readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })) {
    const target = path.replaceAll('\\', '/');
    if (target.endsWith('.md')) found.push({ source: `docs/${target}`, target });
  }
  for (const name of readdirSync(join(root, 'packages'))) {
    if (existsSync(join(root, 'packages', name, 'README.md')))
      found.push({ source: `packages/${name}/README.md`, target: `packages/${name}.md` });
  }
  return found.sort((a, b) => a.target.localeCompare(b.target));
}

/**
 * A page's text with its links as the site has them: to a page of the site, to a picture, or, for any other file of the repository,
 * no link but its text, since the site does not have it.
 *
 * @throws Error for a link to a file that does not exist
 */
export function siteText(text: string, page: Page, targets: ReadonlyMap<string, string>): string {
  return text
    .split(/(^```[\s\S]*?^```|`[^`\n]*`)/m)
    .map((part, i) => (i % 2 === 1 ? part : withSiteLinks(part, page, targets)))
    .join('');
}

function withSiteLinks(text: string, page: Page, targets: ReadonlyMap<string, string>): string {
  // The label may hold code, which splitting has taken out: then the bracket stands at the part's beginning.
  return text.replace(
    /(!?)\[([^[\]]*)\]\(([^()\s]+)\)|^([^[\]]*)\]\(([^()\s]+)\)/g,
    (link, mark, label, href, tail, tailHref) => {
      const address = siteAddress(href ?? tailHref, page, targets);
      if (href === undefined) return address === undefined ? `${tail}](#)` : `${tail}](${address})`;
      if (address === undefined) return label;
      return link === '' ? link : `${mark}[${label}](${address})`;
    },
  );
}

/** Where a link leads in the site; undefined for a file that is none of its pages. */
function siteAddress(href: string, page: Page, targets: ReadonlyMap<string, string>): string | undefined {
  if (/^[a-z]+:/.test(href)) {
    if (!URL.canParse(href) || new URL(href).protocol !== 'https:')
      throw new Error(`${page.source} links to ${href}, which is no https address`);
    return href;
  }
  if (href.startsWith('#') || href.startsWith('/')) return href;
  const [path, anchor] = href.split('#', 2) as [string, string?];
  const file = normalize(join(dirname(page.source), path))
    .replaceAll('\\', '/')
    .replace(/\/$/, '');
  if (!existsSync(join(root, file))) throw new Error(`${page.source} links to ${href}, which does not exist`);
  if (/\.(png|svg|jpg)$/.test(file)) return `/${relative('docs', file).replaceAll('\\', '/')}`;
  const isFolder = statSync(join(root, file)).isDirectory();
  const target =
    targets.get(file) ??
    (isFolder ? (targets.get(`${file}/README.md`) ?? targets.get(`${file}/index.md`)) : undefined);
  if (target === undefined) return undefined;
  return `/${target}${anchor === undefined ? '' : `#${anchor}`}`;
}

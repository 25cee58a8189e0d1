/** The API reference: Markdown from the docstrings of everything that the packages export, by TypeDoc. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Application } from 'typedoc';
import { root } from './pages.ts';

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>>;
}

/** Modules behind the exports of every published package (`packages/recordio/src/node`), with the names that a program imports. */
function entryPoints(): Map<string, string> {
  const found = new Map<string, string>();
  for (const folder of [
    ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`),
    'apps/cli',
  ]) {
    let manifest: Manifest;
    try {
      manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Manifest;
    } catch {
      continue;
    }
    if (manifest.private) continue;
    for (const [path, source] of Object.entries(manifest.exports ?? {})) {
      if (typeof source === 'string' && source.endsWith('.ts'))
        found.set(join(folder, source).replace(/(\/index)?\.ts$/, ''), manifest.name + path.slice(1));
    }
  }
  return found;
}

/** Writes the reference into a folder. What its links lead to is checked when the site is built of it. */
export async function writeApiPages(folder: string): Promise<void> {
  const entries = entryPoints();
  const app = await Application.bootstrapWithPlugins({
    entryPoints: [...entries.keys()].map((file) =>
      join(root, existsSync(join(root, `${file}.ts`)) ? `${file}.ts` : `${file}/index.ts`),
    ),
    tsconfig: join(root, 'tooling/site/tsconfig.api.json'),
    plugin: ['typedoc-plugin-markdown'],
    out: folder,
    name: 'API',
    readme: 'none',
    disableGit: true,
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    hideGenerator: true,
    skipErrorChecking: true,
    logLevel: 'Error',
    ...({
      router: 'module',
      entryFileName: 'index',
      hidePageHeader: true,
      hideBreadcrumbs: true,
      useCodeBlocks: true,
      parametersFormat: 'table',
      interfacePropertiesFormat: 'table',
      propertyMembersFormat: 'table',
      sanitizeComments: true,
    } as object),
  });
  const project = await app.convert();
  if (project === undefined) throw new Error('TypeDoc could not read the sources');
  // TypeDoc calls a module by its file; a reader knows it by what is imported.
  for (const module of project.children ?? []) module.name = entries.get(module.name) ?? module.name;
  await app.generateOutputs(project);
}

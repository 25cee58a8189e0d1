/** The API reference: Markdown from the docstrings of everything that the packages export, by TypeDoc. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Application } from 'typedoc';
import { root } from './pages.ts';

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>>;
}

/** Sources behind the exports of every published package, with the names that a program imports them by. */
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
        found.set(join(root, folder, source), manifest.name + path.slice(1));
    }
  }
  return found;
}

/** Writes the reference into a folder; throws when the docstrings link to what is not there. */
export async function writeApiPages(folder: string): Promise<void> {
  const entries = entryPoints();
  const app = await Application.bootstrapWithPlugins({
    entryPoints: [...entries.keys()],
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
  for (const module of project.children ?? []) {
    const source = module.sources?.[0]?.fullFileName;
    const name = source === undefined ? undefined : entries.get(source);
    if (name !== undefined) module.name = name;
  }
  await app.generateOutputs(project);
}

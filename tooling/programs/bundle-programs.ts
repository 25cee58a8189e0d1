/**
 * Programs and threads that tests start, as bundles. From its sources each process and each thread would read hundreds of files of
 * TypeScript anew, which takes longer than most of what tests have it do. What is of this repository goes into the bundles, each module
 * with the address that it has among the sources; packages from the registry stay where they are: native libraries cannot be bundled,
 * and of tfjs-core there must be one.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/**
 * @param entries source files by name: `{ rank: '/src/rank.fixture.ts' }` becomes `rank.js` in the folder
 * @param folder is made where it is not there; what the programs share goes into it, too
 * @throws {import('esbuild').BuildFailure} whose `errors` say where
 */
export async function bundlePrograms(
  entries: Readonly<Record<string, string>>,
  folder: string,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  // Node takes its files for ES modules.
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }\n');
  await build({
    entryPoints: { ...entries },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    // As Node has it: `module` is for bundlers, and what a module does when it is loaded is done.
    conditions: ['node'],
    ignoreAnnotations: true,
    logLevel: 'silent',
    plugins: [registryPackages, sourceAddresses],
  });
}

/** One program or thread, `rank.fixture.ts`. @returns its file, `rank.js` in the folder */
export async function bundleProgram(entry: URL, folder: string): Promise<string> {
  const source = fileURLToPath(entry);
  const [name = 'program'] = basename(source).split('.');
  await bundlePrograms({ [name]: source }, folder);
  return join(folder, `${name}.js`);
}

/** Set where this plugin asks esbuild how it would resolve something. */
const ASKED = Symbol('asked');

const registryPackages: Plugin = {
  name: 'packages from the registry',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, pluginData }) => {
      if (pluginData === ASKED || kind === 'entry-point' || isBuiltin(path)) return undefined;
      const found = await resolve(path, { kind, resolveDir, pluginData: ASKED });
      // An optional package that is not installed, or a mistake: the program that asks for it will be told.
      if (found.errors.length > 0) return { path, external: true };
      return isOfRepository(found.path)
        ? undefined
        : { path: pathToFileURL(found.path).href, external: true };
    });
  },
};

function isOfRepository(file: string): boolean {
  const parts = relative(repository, file).split(sep);
  return parts[0] !== '..' && !parts.includes('node_modules');
}

/** A module that looks for something beside itself, or resolves a package, does so from its source. */
const sourceAddresses: Plugin = {
  name: 'addresses of sources',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const code = await readFile(path, 'utf8');
      // One that tells sources from a build knows where in a build its neighbours are: beside it.
      if (!code.includes('import.meta.') || code.includes("import.meta.url.endsWith('.ts')"))
        return undefined;
      return {
        contents: code
          .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href))
          .replaceAll('import.meta.filename', JSON.stringify(path)),
        loader: 'ts',
      };
    });
  },
};

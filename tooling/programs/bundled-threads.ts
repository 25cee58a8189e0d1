/**
 * The threads that `arcface train` starts, in the tests that run it in their own process: as bundles, made when the first test needs
 * them. See bundle-programs.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Plugin } from 'vite';
import { bundlePrograms } from './bundle-programs.ts';

const COMMAND = normalize(fileURLToPath(new URL('../../apps/cli/src/commands/train', import.meta.url)));
const THREADS = ['decoding-thread', 'rank-thread'];

/** Has the modules that start the threads take the bundles. */
export function bundledThreads(): Plugin {
  let bundles: Promise<string> | undefined;
  return {
    name: 'bundled-threads',
    enforce: 'pre',
    async transform(code, id) {
      if (normalize(dirname(id)) !== COMMAND) return undefined;
      const started = THREADS.filter((name) => code.includes(`'./${name}.ts'`));
      if (started.length === 0) return undefined;
      bundles ??= bundleThreads();
      const folder = await bundles;
      const address = (name: string): string =>
        JSON.stringify(pathToFileURL(join(folder, `${name}.js`)).href);
      return started.reduce((text, name) => text.replace(`'./${name}.ts'`, () => address(name)), code);
    },
  };
}

async function bundleThreads(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'arcface-threads-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await bundlePrograms(
    Object.fromEntries(THREADS.map((name) => [name, join(COMMAND, `${name}.ts`)])),
    folder,
  );
  return folder;
}

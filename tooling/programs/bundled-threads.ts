/**
 * The threads that `arcface` starts, in the tests that run it in their own process: as bundles, made when the first test needs
 * them. See bundle-programs.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Plugin } from 'vite';
import { bundlePrograms } from './bundle-programs.ts';

const CLI = normalize(fileURLToPath(new URL('../../apps/cli/src', import.meta.url)));
const TRAIN = join(CLI, 'commands/train');
/** By name, where they and what starts them are. */
const THREADS: Readonly<Record<string, string>> = {
  'decoding-thread': TRAIN,
  'rank-thread': TRAIN,
  'embedding-thread': CLI,
};

/** Has the modules that start the threads take the bundles. */
export function bundledThreads(): Plugin {
  let bundles: Promise<string> | undefined;
  return {
    name: 'bundled-threads',
    enforce: 'pre',
    async transform(code, id) {
      const here = normalize(dirname(id));
      const started = Object.keys(THREADS).filter(
        (name) => THREADS[name] === here && code.includes(`'./${name}.ts'`),
      );
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
    Object.fromEntries(Object.entries(THREADS).map(([name, place]) => [name, join(place, `${name}.ts`)])),
    folder,
  );
  return folder;
}

/** A fixture that is a program, as one file that starts in a fraction of the time that the sources take. */
import { mkdir, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Brings a native library, which cannot be in a bundle. */
const MPI = fileURLToPath(import.meta.resolve('@arcface/mpi'));

export async function bundledProgram(entry: URL, directory: string): Promise<string> {
  const outfile = join(directory, `${basename(entry.pathname, '.fixture.ts')}.mjs`);
  const { resolve } = createRequire(import.meta.url);
  const koffi = dirname(createRequire(MPI).resolve('koffi'));
  await mkdir(join(directory, 'node_modules'), { recursive: true });
  await symlink(koffi, join(directory, 'node_modules', 'koffi'));
  await build({
    entryPoints: [fileURLToPath(entry)],
    inject: [resolve('@tensorflow/tfjs-core/dist/register_all_gradients.js')],
    bundle: true,
    outfile,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    logLevel: 'error',
    // tfjs-core asks for it only where there is no fetch.
    external: ['node-fetch', 'koffi'],
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  });
  return outfile;
}

/** A fixture that is a program, as one file that starts in a fraction of the time that the sources take. */
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

export async function bundledProgram(entry: URL, directory: string): Promise<string> {
  const outfile = join(directory, `${basename(entry.pathname, '.fixture.ts')}.mjs`);
  const { resolve } = createRequire(import.meta.url);
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
    external: ['node-fetch'],
    plugins: [
      {
        name: 'native libraries stay where they are',
        setup({ onResolve }) {
          onResolve({ filter: /^koffi$/ }, ({ path, importer }) => ({
            path: pathToFileURL(createRequire(importer).resolve(path)).href,
            external: true,
          }));
        },
      },
    ],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return outfile;
}

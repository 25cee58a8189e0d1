/**
 * Writes tfjs-core's gradient definitions as one file, `dist/tfjs-gradients.cjs`: see src/gradients.ts. Part of the build, and of
 * every run of the tests, where the file is not there or is older than tfjs-core.
 */
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const outfile = fileURLToPath(new URL('dist/tfjs-gradients.cjs', import.meta.url));
const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-core/dist/register_all_gradients.js');
const changed = (file) => statSync(file, { throwIfNoEntry: false })?.ctimeMs ?? 0;

if (changed(outfile) <= Math.max(changed(entry), changed(fileURLToPath(import.meta.url)))) {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    legalComments: 'linked',
    outfile,
    write: false,
  });
  mkdirSync(dirname(outfile), { recursive: true });
  for (const { path, contents } of outputFiles) {
    // Two at once must not see each other's halves.
    writeFileSync(`${path}.${process.pid}`, contents);
    renameSync(`${path}.${process.pid}`, path);
  }
}

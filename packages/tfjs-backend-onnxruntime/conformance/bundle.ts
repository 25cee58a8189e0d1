// One file out of tfjs-core's own specs, this backend and one copy of tfjs-core. The specs are published as ES modules
// without extensions, which Node alone cannot load, and they import tfjs-core by relative paths: only in one bundle
// with it do they and the backend see the same classes.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const require = createRequire(import.meta.url);
const packageRoot = fileURLToPath(new URL('../', import.meta.url));
const core = dirname(require.resolve('@tensorflow/tfjs-core/package.json'));
const cpu = dirname(
  createRequire(join(packageRoot, 'src/index.ts')).resolve('@tensorflow/tfjs-backend-cpu/package.json'),
);

/** What the backend loads at run time in Node, loaded with the bundle instead. */
const loadedWithTheBundle: Plugin = {
  name: 'loaded-with-the-bundle',
  setup({ onLoad }) {
    onLoad({ filter: /src\/gradients\.ts$/ }, () => ({
      contents: `import '${core}/dist/register_all_gradients.js';`,
      resolveDir: packageRoot,
    }));
    onLoad({ filter: /src\/kernels\/delegated\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace('createRequire(import.meta.url)', 'require'),
      loader: 'ts',
    }));
  },
};

/** Bundles; returns the path of the bundle. It stands where Node finds onnxruntime-node from. */
export async function bundleSpecs(): Promise<string> {
  const directory = join(packageRoot, 'node_modules/.cache/conformance');
  mkdirSync(directory, { recursive: true });
  const outfile = join(directory, 'specs.cjs');
  await build({
    entryPoints: [join(packageRoot, 'conformance/specs.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    // tfjs-core says that it has no side effects; the specs have nothing else.
    ignoreAnnotations: true,
    external: ['onnxruntime-node', 'onnxruntime-common'],
    alias: {
      '@tensorflow/tfjs-core/dist': join(core, 'dist'),
      '@tensorflow/tfjs-core': join(core, 'dist/index.js'),
      '@tensorflow/tfjs-backend-cpu': join(cpu, 'dist/index.js'),
      'jasmine-core': dirname(require.resolve('jasmine-core/package.json')),
    },
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    plugins: [loadedWithTheBundle],
  });
  return outfile;
}

/** What a worker thread evaluates to run a module of the application. */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** Threads don't inherit the loader that reads TypeScript, where the sources are run as they are. */
export function threadBody({ href }: URL): string {
  const script = JSON.stringify(href);
  if (!href.endsWith('.ts')) return `import(${script})`;
  const tsx = pathToFileURL(createRequire(href).resolve('tsx/package.json'));
  const loaders = ['esm', 'cjs'].map((kind) =>
    JSON.stringify(new URL(`dist/${kind}/api/index.mjs`, tsx).href),
  );
  return `Promise.all([${loaders.map((loader) => `import(${loader})`)}]).then((loaders) => {
    for (const { register } of loaders) register();
    return import(${script});
  })`;
}

/**
 * Writes the service worker at the end of a build: the page and its parts are kept at the first visit, the large runtimes that compute
 * embeddings right after that, so that everything works without a network from then on.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

/** Files that are fetched in the background. */
const LARGE = 1_000_000;

export function offline(): Plugin {
  return {
    name: 'arcface-offline',
    apply: 'build',
    generateBundle(_, bundle) {
      const files = Object.values(bundle).map((file) => ({
        name: file.fileName,
        content: file.type === 'chunk' ? file.code : file.source,
      }));
      const names = (large: boolean): string[] =>
        files
          .filter(({ name, content }) => !name.endsWith('.map') && content.length >= LARGE === large)
          .map(({ name }) => name)
          .sort();
      const version = createHash('sha256');
      for (const { content } of files) version.update(content);
      const values: Readonly<Record<string, unknown>> = {
        VERSION: version.digest('hex').slice(0, 16),
        FIRST: ['./', 'icon.svg', 'studio.json', ...names(false).filter((name) => name !== 'index.html')],
        LATER: names(true),
      };
      const source = readFileSync(new URL('src/offline/service-worker.js', import.meta.url), 'utf8').replace(
        /__(VERSION|FIRST|LATER)__/g,
        (_match, name: string) => JSON.stringify(values[name]),
      );
      this.emitFile({ type: 'asset', fileName: 'service-worker.js', source });
    },
  };
}

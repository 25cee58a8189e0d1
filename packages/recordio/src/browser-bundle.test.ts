import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

test.each(['index.ts', 'blob-source.ts', 'http-source.ts'])(
  '%s needs nothing that a browser does not have',
  async (entry) => {
    const { errors, warnings, metafile } = await build({
      entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    expect([...errors, ...warnings]).toEqual([]);
    expect(
      Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external }) => external)),
    ).toEqual([]);
  },
);

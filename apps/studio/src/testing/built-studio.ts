/** The studio as it is published, built into a folder of its own, so that a test never sees an old build. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { writeSample } from '../../sample/write-sample.ts';

export interface BuiltStudio {
  /** With a slash at its end. */
  readonly app: string;
  remove(): void;
}

/** @param options.sample Draws the sample dataset as well, which takes a while. */
export async function buildStudio(options: { readonly sample: boolean }): Promise<BuiltStudio> {
  const folder = mkdtempSync(join(tmpdir(), 'arcface-studio-build-'));
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const app = `${join(folder, 'app')}/`;
  await build({ root, logLevel: 'error', build: { outDir: app, emptyOutDir: true } });
  if (options.sample) await writeSample(join(app, 'sample'));
  return { app, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** `arcface` as a process of its own, for tests: a program that starts in a fraction of the time that the sources take. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundlePrograms } from '@arcface-tooling/programs';

const source = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** @returns the file to start, in the folder */
export async function bundledCommandLine(folder: string): Promise<string> {
  await bundlePrograms(
    {
      main: source('main.ts'),
      // What it starts itself is beside it, as in a build.
      'decoding-thread': source('commands/train/decoding-thread.ts'),
      'rank-thread': source('commands/train/rank-thread.ts'),
    },
    folder,
  );
  return join(folder, 'main.js');
}

/**
 * Packages that are never installed by default are looked for where a user has them: in the project that the command is
 * run from, then beside this one. Whoever runs `npx arcface` in a project finds what is in that project.
 */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * @param folder where alone to look, if it is given: a folder with a `node_modules`
 * @returns the file to load, or undefined if the package is nowhere
 */
export function findOptionalPackage(name: string, folder?: string): string | undefined {
  const starts =
    folder === undefined
      ? [join(process.cwd(), 'package.json'), import.meta.filename]
      : [join(folder, 'package.json')];
  for (const start of starts) {
    try {
      return createRequire(resolve(start)).resolve(name);
    } catch {
      // Not there: the next place.
    }
  }
  return undefined;
}

/** Loads what {@link findOptionalPackage} found. */
export async function importFile(file: string): Promise<unknown> {
  return import(pathToFileURL(file).href);
}

/**
 * The licences of everything that comes with our packages when a user installs them, read from the installed manifests, and
 * whether each may be used by, and shipped beside, a work under Apache-2.0.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readManifest } from './published-packages.ts';

/** Permissive licences, and LGPL for what is only linked to as a library of its own (libvips under sharp). */
const COMPATIBLE = new Set([
  'Apache-2.0',
  'MIT',
  'MIT-0',
  'ISC',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'Unlicense',
  'Python-2.0',
]);
const LINKED_LIBRARIES: Readonly<Record<string, string>> = {
  '@img/sharp-libvips': 'LGPL-3.0-or-later',
};

/** Names and licences of what `npm ls --omit=dev` finds for a set of packages. */
function productionPackages(project: string, names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (directory: string): void => {
    const manifest = readManifest(directory) as ReturnType<typeof readManifest> & {
      readonly dependencies?: Readonly<Record<string, string>>;
      readonly optionalDependencies?: Readonly<Record<string, string>>;
    };
    const key = `${manifest.name}@${manifest.version}`;
    if (found.has(key)) return;
    found.set(key, licenceOf(manifest.license));
    for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      const nested = resolvePackage(directory, name, project);
      if (nested !== undefined) visit(nested);
    }
  };
  for (const name of names) visit(join(project, 'node_modules', name));
  return found;
}

/** Where Node would find a package from a folder; undefined for an optional one of another platform. */
function resolvePackage(from: string, name: string, project: string): string | undefined {
  for (let directory = from; directory.startsWith(project); directory = join(directory, '..')) {
    const candidate = join(directory, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  return undefined;
}

/** A licence as an SPDX expression, also from the older forms of a manifest. */
function licenceOf(field: unknown): string {
  if (typeof field === 'string') return field;
  if (typeof field === 'object' && field !== null && 'type' in field) return String(field.type);
  return 'none given';
}

function isCompatible(name: string, licence: string): boolean {
  const library = Object.keys(LINKED_LIBRARIES).find((prefix) => name.startsWith(prefix));
  if (library !== undefined && LINKED_LIBRARIES[library] === licence) return true;
  const bare = licence.replace(/[()]/g, '');
  return bare
    .split(' OR ')
    .some((choice) =>
      choice.split(' AND ').every((part) => COMPATIBLE.has(part) || isLinkedPart(name, part)),
    );
}

/** Some of sharp's binaries are one package with libvips inside. */
function isLinkedPart(name: string, licence: string): boolean {
  return name.startsWith('@img/sharp-') && licence === 'LGPL-3.0-or-later';
}

/** A line a licence, with how many packages have it; throws for what doesn't fit. */
export function checkLicences(project: string, names: readonly string[]): string[] {
  const installed = productionPackages(project, names);
  const ours = new Set(names);
  const byLicence = new Map<string, string[]>();
  const misfits: string[] = [];
  for (const [key, licence] of installed) {
    const name = key.slice(0, key.lastIndexOf('@'));
    if (ours.has(name)) continue;
    byLicence.set(licence, [...(byLicence.get(licence) ?? []), key]);
    if (!isCompatible(name, licence)) misfits.push(`${key}: ${licence}`);
  }
  if (misfits.length > 0) throw new Error(`Licences that do not fit Apache-2.0:\n${misfits.join('\n')}`);
  return [...byLicence].map(([licence, keys]) => `${licence}: ${keys.sort().join(', ')}`);
}

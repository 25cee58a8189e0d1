/** The packages of this repository that are published, and their tarballs as the registry would receive them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** What is read of a `package.json`. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly files?: readonly string[];
  readonly scripts?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly publishConfig?: { readonly access?: string; readonly provenance?: boolean };
}

/** A package and the tarball that `pnpm pack` made of it. */
export interface PackedPackage {
  readonly directory: string;
  /** The manifest in the repository, whose exports are sources. */
  readonly manifest: Manifest;
  readonly tarball: string;
}

/** What a command prints; its output is part of the error when it fails. */
export function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): string {
  try {
    return execFileSync(command, args, {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 1 << 26,
      env: { ...process.env, ...env },
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`${[command, ...args].join(' ')}:\n${stdout}${stderr}`.trimEnd());
  }
}

export function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

/** Folders of the published packages, in the order of their names. */
export function publishedPackages(): string[] {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group))
      .map((name) => join(root, group, name))
      .filter((directory) => existsSync(join(directory, 'package.json')))
      .filter((directory) => readManifest(directory).private !== true),
  );
}

/** Builds all published packages and packs each into a folder. */
export function packPublished(into: string): PackedPackage[] {
  run('npx', ['--yes', 'pnpm', 'build', '--output-logs=errors-only'], root);
  return publishedPackages().map((directory) => {
    const before = new Set(readdirSync(into));
    run('npx', ['--yes', 'pnpm', 'pack', '--pack-destination', into], directory);
    const packed = readdirSync(into).find((name) => !before.has(name));
    if (packed === undefined) throw new Error(`pnpm pack wrote no tarball of ${directory}`);
    return { directory, manifest: readManifest(directory), tarball: join(into, packed) };
  });
}

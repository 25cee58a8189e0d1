/**
 * An empty project outside the repository into which all tarballs are installed by npm, as a user would: no install script
 * runs, and what else the checks need (another Node, a compiler, a bundler) comes from the registry too.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PackedPackage, run } from './published-packages.ts';

/** Major versions of Node that the packages promise to run on. */
export const NODE_VERSIONS = [20, 22, 24];

/** Packages of the registry beside ours: the optional peer of the examples, and what checks them. */
const TOOLS = {
  '@tensorflow/tfjs-core': '4.22.0',
  '@tensorflow/tfjs-backend-cpu': '4.22.0',
  '@types/node': '^20.19.43',
  sharp: '^0.35.5',
  typescript: '5.9.3',
  vite: '7.3.8',
};

/** The package whose tarball holds Node's binary for this machine, whole, without an install script. */
function nodePackage(major: number): string {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  return `npm:node-${platform}-${process.arch}@${major}`;
}

/** Writes the project and installs it. */
export function installProject(directory: string, packages: readonly PackedPackage[]): void {
  const dependencies: Record<string, string> = { ...TOOLS };
  for (const { manifest, tarball } of packages) dependencies[manifest.name] = `file:${tarball}`;
  for (const major of NODE_VERSIONS) dependencies[`node${major}`] = nodePackage(major);
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'empty-project', version: '1.0.0', private: true, type: 'module', dependencies }),
  );
  // A user's npm, not the workspace's: pnpm leaves settings for its children in the environment.
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], directory);
}

/** Node of a major version, installed in the project. */
export function nodeBinary(directory: string, major: number): string {
  return join(directory, 'node_modules', `node${major}`, 'bin', 'node');
}

/** What a program may import of a package: its name, and its sub-exports' names. */
export function entryPoints({ manifest }: PackedPackage): string[] {
  return Object.keys(manifest.exports ?? {})
    .filter((path) => path !== './package.json')
    .map((path) => manifest.name + path.slice(1));
}

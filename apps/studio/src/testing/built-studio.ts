/**
 * The studio as it is published, with its sample. A build belongs to the files that it was made from and stands under their hash: a test
 * never sees an old one, and whoever tests the same files again, at the same time or later, uses the same.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { writeSample } from '../../sample/write-sample.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const repository = fileURLToPath(new URL('../../../../', import.meta.url));
const builds = join(root, 'node_modules', '.cache', 'arcface-studio');

/** @returns The folder, with a slash at its end. Read it, leave it as it is. */
export async function builtStudio(): Promise<string> {
  const name = hashOfSources();
  const app = join(builds, name, '/');
  const lock = join(builds, `${name}.lock`);
  mkdirSync(builds, { recursive: true });
  while (!existsSync(app)) {
    if (!take(lock)) {
      await sleep(100);
      continue;
    }
    try {
      if (!existsSync(app)) await buildInto(app, name);
    } finally {
      rmSync(lock, { force: true });
    }
  }
  return app;
}

/** Complete, or not there. */
async function buildInto(app: string, name: string): Promise<void> {
  // Of other sources, and nobody's any more.
  for (const old of readdirSync(builds)) {
    if (!old.startsWith(name)) rmSync(join(builds, old), { recursive: true, force: true });
  }
  const partial = join(builds, `${name}-${process.pid}`);
  await build({ root, logLevel: 'error', build: { outDir: partial, emptyOutDir: true } });
  await writeSample(join(partial, 'sample'));
  renameSync(partial, app);
}

/** Whether the lock is ours now. One that a dead process left is nobody's. */
function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    const holder = Number(readIfThere(lock));
    if (holder > 0 && !isAlive(holder)) rmSync(lock, { force: true });
    return false;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Everything that a build is made from. */
function hashOfSources(): string {
  const hash = createHash('sha256');
  const packages = readdirSync(join(repository, 'packages')).map((name) =>
    join(repository, 'packages', name),
  );
  const places = [
    root,
    join(repository, 'apps', 'cli', 'src', 'demo'),
    join(repository, 'pnpm-lock.yaml'),
    ...packages.flatMap((folder) => [join(folder, 'package.json'), join(folder, 'src')]),
  ];
  for (const path of places.flatMap(filesIn)) {
    hash
      .update(`${relative(repository, path)}\n`)
      .update(readFileSync(path))
      .update('\n');
  }
  return hash.digest('hex').slice(0, 16);
}

function filesIn(place: string): string[] {
  if (!existsSync(place)) return [];
  if (statSync(place).isFile()) return /\.test\.tsx?$/.test(place) ? [] : [place];
  if (['node_modules', 'dist', 'testing'].includes(basename(place))) return [];
  return readdirSync(place)
    .sort()
    .flatMap((name) => filesIn(join(place, name)));
}

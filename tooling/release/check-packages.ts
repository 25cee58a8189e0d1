/**
 * Packs every published package as the registry would receive it and checks the tarball: publint (is the manifest
 * right for every consumer?), are-the-types-wrong (do the types resolve as the code does?), no test in it, and no
 * install script. Run by `pnpm check-packages`; builds first.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly scripts?: Readonly<Record<string, string>>;
}

function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function publishedPackages(): string[] {
  return ['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group))
      .map((name) => join(root, group, name))
      .filter((directory) => readManifest(directory).private !== true),
  );
}

function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

/** The faults of one package's tarball, as lines of text. */
function check(directory: string, into: string): string[] {
  const faults: string[] = [];
  const { scripts = {} } = readManifest(directory);
  for (const name of ['preinstall', 'install', 'postinstall']) {
    if (name in scripts) faults.push(`package.json has a script "${name}": nothing may run at install`);
  }
  const before = new Set(readdirSync(into));
  run('npx', ['--yes', 'pnpm', 'pack', '--pack-destination', into], directory);
  const packed = readdirSync(into).find((name) => !before.has(name));
  if (packed === undefined) return [...faults, 'pnpm pack wrote no tarball'];
  const tarball = join(into, packed);

  const files = run('tar', ['-tzf', tarball], root).trim().split('\n');
  faults.push(...files.filter((file) => /\.test\./.test(file)).map((file) => `a test is packed: ${file}`));
  for (const required of ['package/README.md', 'package/LICENSE']) {
    if (!files.includes(required)) faults.push(`not packed: ${required}`);
  }
  for (const [command, ...args] of [
    ['npx', 'publint', 'run', tarball, '--strict'],
    ['npx', 'attw', tarball, '--profile', 'esm-only'],
  ] as const) {
    try {
      run(command, args, root);
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      faults.push(`${args[0]}:\n${stdout}${stderr}`);
    }
  }
  return faults;
}

const into = mkdtempSync(join(tmpdir(), 'arcface-packages-'));
try {
  console.log(run('npx', ['--yes', 'pnpm', 'build', '--output-logs=errors-only'], root));
  let faulty = 0;
  for (const directory of publishedPackages()) {
    const faults = check(directory, into);
    console.log(`${faults.length === 0 ? 'ok  ' : 'BAD '} ${readManifest(directory).name}`);
    for (const fault of faults) console.log(`     ${fault.replaceAll('\n', '\n     ')}`);
    if (faults.length > 0) faulty++;
  }
  process.exitCode = faulty === 0 ? 0 : 1;
} finally {
  rmSync(into, { recursive: true, force: true });
}

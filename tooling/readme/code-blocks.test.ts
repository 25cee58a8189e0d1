import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BuildFailure } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundlePrograms } from '../programs/bundle-programs.ts';
import { pages } from '../site/pages.ts';
import { programOf, SETTINGS, type Setting } from './block-settings.ts';
import { codeBlocks } from './code-blocks.ts';
import { writeExampleFiles } from './example-files.ts';

/* Every block of TypeScript in a README is a program that runs, in a folder that has the files which it names. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const here = fileURLToPath(new URL('./', import.meta.url));
const hasMpirun = spawnSync('mpirun', ['--version']).status === 0;

interface Block {
  readonly name: string;
  readonly page: string;
  readonly code: string;
  readonly setting: Setting;
  /** Why it cannot be run on this machine. */
  readonly lacking: string | undefined;
}

const blocks = Object.entries(SETTINGS).flatMap(([page, settings]) =>
  codeBlocks(readFileSync(join(root, page), 'utf8')).map(({ index, line, code }): Block => {
    const setting = settings[index] ?? {};
    return { name: `block ${index + 1}, line ${line}`, page, code, setting, lacking: lackingFor(setting) };
  }),
);

let files: string;
/** Where the blocks' programs are, each under its number; from here they find the packages that a reader has installed. */
let programs: string;
/** Blocks that are no program, and why. */
const broken = new Map<number, string>();
beforeAll(async () => {
  files = mkdtempSync(join(tmpdir(), 'arcface-readme-'));
  programs = mkdtempSync(join(here, 'running-'));
  await Promise.all([writeExampleFiles(files), writePrograms()]);
});
afterAll(() => {
  for (const folder of [files, programs]) rmSync(folder, { recursive: true, force: true });
});

for (const [page, settings] of Object.entries(SETTINGS)) {
  const ofPage = [...blocks.entries()].filter(([, block]) => block.page === page);
  describe(page, () => {
    test('has no block that is not run', () => expect(ofPage.length).toBe(settings.length));
    for (const [number, { name, lacking, setting }] of ofPage) {
      if (lacking !== undefined) test.skip(`${name} (needs ${lacking})`, () => {});
      else test.concurrent(name, () => run(number, setting));
    }
  });
}

test('no page is left out', () => {
  for (const { source: page } of pages()) {
    if (codeBlocks(readFileSync(join(root, page), 'utf8')).length > 0)
      expect(Object.keys(SETTINGS)).toContain(page);
  }
});

function lackingFor({ ranks, needs }: Setting): string | undefined {
  if (ranks !== undefined && !hasMpirun) return 'mpirun';
  return needs === undefined || isInstalled(needs) ? undefined : needs;
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Writes the programs of all blocks, those that are none aside. */
async function writePrograms(): Promise<void> {
  const sources = join(programs, 'sources');
  mkdirSync(sources);
  const entries = new Map<string, string>();
  for (const [number, { code, setting, lacking }] of blocks.entries()) {
    if (lacking !== undefined) continue;
    const source = join(sources, `${number}.ts`);
    try {
      writeFileSync(source, programOf(code, setting));
      entries.set(String(number), source);
    } catch (error) {
      broken.set(number, (error as Error).message);
    }
  }
  for (;;) {
    try {
      return await bundlePrograms(Object.fromEntries(entries), programs);
    } catch (failure) {
      const before = entries.size;
      for (const { text, location } of (failure as BuildFailure).errors ?? []) {
        const [number = ''] = basename(location?.file ?? '').split('.');
        if (!entries.delete(number)) continue;
        broken.set(Number(number), `${text}: line ${location?.line}, ${location?.lineText}`);
      }
      if (entries.size === before) throw failure;
    }
  }
}

/** Runs a block as a program of its own, in the folder with the files. */
async function run(number: number, { ranks }: Setting): Promise<void> {
  expect(broken.get(number)).toBeUndefined();
  const command = [process.execPath, join(programs, `${number}.js`)];
  if (ranks !== undefined) {
    command.unshift('mpirun', '--allow-run-as-root', '--oversubscribe', '-n', String(ranks));
  }
  await promisify(execFile)(command[0]!, command.slice(1), { cwd: files });
}

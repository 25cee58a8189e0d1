import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pages } from '../site/pages.ts';
import { programOf, SETTINGS, type Setting } from './block-settings.ts';
import { codeBlocks } from './code-blocks.ts';
import { writeExampleFiles } from './example-files.ts';

/* Every block of TypeScript in a README is a program that runs, in a folder that has the files which it names. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const here = fileURLToPath(new URL('./', import.meta.url));
const hasMpirun = spawnSync('mpirun', ['--version']).status === 0;
let files: string;
beforeAll(async () => {
  files = mkdtempSync(join(tmpdir(), 'arcface-readme-'));
  await writeExampleFiles(files);
});
afterAll(() => rmSync(files, { recursive: true, force: true }));

for (const [file, settings] of Object.entries(SETTINGS)) {
  const blocks = codeBlocks(readFileSync(join(root, file), 'utf8'));
  describe(file, () => {
    test('has no block that is not run', () => expect(blocks.length).toBe(settings.length));
    for (const { index, line, code } of blocks) {
      const setting = settings[index]!;
      const name = `block ${index + 1}, line ${line}`;
      if (setting.ranks !== undefined && !hasMpirun) test.skip(`${name} (needs mpirun)`, () => {});
      else if (setting.needs !== undefined && !isInstalled(setting.needs)) {
        test.skip(`${name} (needs ${setting.needs})`, () => {});
      } else test.concurrent(name, () => run(code, setting));
    }
  });
}

test('no page is left out', () => {
  for (const { source: page } of pages()) {
    if (codeBlocks(readFileSync(join(root, page), 'utf8')).length > 0)
      expect(Object.keys(SETTINGS)).toContain(page);
  }
});

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Runs a block as a program of its own, in the folder with the files. */
async function run(code: string, setting: Setting): Promise<void> {
  const folder = mkdtempSync(join(here, 'running-'));
  try {
    const program = join(folder, 'example.ts');
    writeFileSync(program, programOf(code, setting));
    const command = [process.execPath, '--import', import.meta.resolve('tsx'), program];
    if (setting.ranks !== undefined) {
      command.unshift('mpirun', '--allow-run-as-root', '--oversubscribe', '-n', String(setting.ranks));
    }
    await promisify(execFile)(command[0]!, command.slice(1), { cwd: files });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundledCommandLine } from '../testing/bundled-command-line.ts';

let folder: string;
let main: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-output-'));
  main = await bundledCommandLine(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Exit code and news of `arcface --help`, in a line of bash that says where its output goes. */
function helpTo(redirection: string): readonly [exitCode: number | null, stderr: string] {
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', `"$0" "$1" --help ${redirection}; exit \${PIPESTATUS[0]}`, process.execPath, main],
    { encoding: 'utf8' },
  );
  return [status, stderr];
}

describe.skipIf(process.platform === 'win32')('the standard output', () => {
  test('whose reader has left ends the command without a word', () => {
    expect(helpTo('| true')).toEqual([0, '']);
  });

  test.skipIf(!existsSync('/dev/full'))('that is full is an error', () => {
    const [exitCode, stderr] = helpTo('> /dev/full');
    expect(stderr).toMatch(/^error: The result cannot be written to standard output: ENOSPC/);
    expect(exitCode).toBe(1);
  });
});

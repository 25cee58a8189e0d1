import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Exit code and news of `arcface --help`, in a line of bash that says where its output goes. */
function helpTo(redirection: string): readonly [exitCode: number | null, stderr: string] {
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', `"$0" --import tsx "$1" --help ${redirection}; exit \${PIPESTATUS[0]}`, process.execPath, main],
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

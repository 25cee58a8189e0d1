import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../apps/cli/src/program.ts';
import { pages } from '../site/pages.ts';
import { arcfaceArguments, shellCommands } from './shell-commands.ts';

/* Every command of every page exists, with the options that it is given there. What they do is tested by the walks. */

const root = fileURLToPath(new URL('../../', import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};

describe.each(pages())('$source', ({ source: page }) => {
  const commands = shellCommands(readFileSync(join(root, page), 'utf8'));
  if (commands.length === 0) {
    test('has no command', () => expect(commands).toEqual([]));
    return;
  }
  test.each(commands.map(({ line, words }) => [words.join(' '), line, words] as const))(
    '%s (line %i)',
    async (_, __, words) => {
      const args = arcfaceArguments(words);
      if (args !== undefined) {
        await expect(parsed(args)).resolves.toBe(true);
        return;
      }
      const problem = problemWith(words);
      expect(problem).toBeUndefined();
    },
  );
});

/** Parses a command line as the program does, without doing anything. */
async function parsed(args: readonly string[]): Promise<boolean> {
  const program = await createProgram();
  const silence = (command: Command): void => {
    command.configureOutput({ writeOut: () => {}, writeErr: () => {} }).exitOverride();
    if (command.commands.length === 0) command.action(() => {});
    for (const child of command.commands) silence(child);
  };
  silence(program);
  try {
    await program.parseAsync(args, { from: 'user' });
    return true;
  } catch (error) {
    // Help was asked for and shown.
    if ((error as { exitCode?: number }).exitCode === 0) return true;
    throw error;
  }
}

/** What is wrong with a command that is not ours. */
function problemWith(words: readonly string[]): string | undefined {
  const [first, second, third] = words;
  if (first === 'npx' && second === 'pnpm') {
    const known = ['install', 'test', '--filter', 'changeset', 'exec'];
    return third !== undefined && (known.includes(third) || third in scripts)
      ? undefined
      : `no script ${third}`;
  }
  if (first === 'npx' && second === 'tsx') return missing(third);
  if (first === 'bash' || first === 'python') return second?.startsWith('-') ? undefined : missing(second);
  if (['npm', 'cd', 'echo', 'eval', 'git', 'mpirun', 'sbatch', 'kubectl', 'docker'].includes(first!))
    return undefined;
  if (/^[A-Z_]+=/.test(first!)) return problemWith(words.slice(1));
  return `nobody checks ${first}`;
}

function missing(path: string | undefined): string | undefined {
  return path !== undefined && existsSync(join(root, path)) ? undefined : `there is no ${path}`;
}

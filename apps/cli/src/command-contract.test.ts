import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { createProgram } from './program.ts';
import { checkJson, FAULT, JSON_KEYS, METRICS } from './testing/json-contract.ts';

/* What scripts and people rely on of every command. What each prints is checked wherever a test runs it: testing/json-contract.ts. */

/** Commands with their names as they are typed: `rec ls`. */
let commands: ReadonlyMap<string, Command>;
beforeAll(async () => {
  const named = ({ commands: below }: Command, before: string): [string, Command][] =>
    below.flatMap((command) => {
      const name = `${before}${command.name()}`;
      return [[name, command], ...named(command, `${name} `)];
    });
  commands = new Map(named(await createProgram(), ''));
});

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

test('the help of every command has an example of it', () => {
  for (const [name, command] of commands)
    expect(helpOf(command)).toMatch(new RegExp(`Example:\\n  \\$ arcface ${name}\\b`));
});

test('every command but a group takes --json and --config', () => {
  for (const [name, command] of commands) {
    if (command.commands.length > 0) continue;
    expect(
      command.options.map(({ long }) => long),
      name,
    ).toEqual(expect.arrayContaining(['--json', '--config']));
  }
});

test('what is promised is of commands that there are, and a lack of it is found', () => {
  expect(Object.keys(JSON_KEYS).filter((name) => !commands.has(name))).toEqual([]);
  const noise = ['noise', '--json'];
  expect(() => checkJson(noise, '{"images":1,"bad":0,"truth":"t.csv","more":2}\n')).not.toThrow();
  expect(() => checkJson(noise, '{"images":1,"bad":0}\n')).toThrow('arcface noise --json lacks truth');
  expect(() => checkJson(noise, '{"images":1}\n{"images":2}\n')).toThrow('prints 2 lines');
  expect(() => checkJson(['rec', 'verify'], '{"records":1,"faults":[{"offset":3}]}')).toThrow('lacks fault');
  expect(() => checkJson(['rec', 'ls', '--raw'], '{"key":1,"offset":0,"length":9}')).toThrow('lacks sha256');
});

const page = new URL('../../../../shared/design/CLI.md', import.meta.url);

describe.skipIf(!existsSync(page))('the page that promises it (needs ../shared/design)', () => {
  test('promises nothing that is not checked', () => {
    const rows = readFileSync(page, 'utf8').matchAll(/^\| `arcface ([^`]*)` [^|]*?\|(.*)\|$/gm);
    let found = 0;
    for (const [, usage, promised] of rows) {
      const first = usage!.split(/[ (]/, 1)[0]!;
      const keys = Object.entries(JSON_KEYS).filter(([name]) => name.split(' ')[0] === first);
      const checked = new Set(keys.flatMap(([, names]) => names.flatMap((name) => name.split('.'))));
      const elsewhere = { audit: ['metrics', ...METRICS], rec: FAULT };
      for (const name of elsewhere[first as keyof typeof elsewhere] ?? []) checked.add(name);
      for (const [, object] of promised!.matchAll(/`(?:\w+`: `)?\[?(\{[^`]*\})/g)) {
        const names = [...object!.matchAll(/\w+/g)].map(([name]) => name).filter((name) => name !== 'key');
        expect(
          names.filter((name) => !checked.has(name)),
          `${first}: ${object}`,
        ).toEqual([]);
        found += names.length;
      }
    }
    expect(found).toBeGreaterThan(60);
  });
});

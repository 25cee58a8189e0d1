/** The command line's pages, from the commands themselves: what `--help` says, laid out as Markdown. */
import type { Argument, Command, Option } from 'commander';
import { createProgram } from '../../apps/cli/src/program.ts';

/** A generated page: its path in `docs/`, and its text. */
export interface GeneratedPage {
  readonly path: string;
  readonly text: string;
}

const NOTE =
  '<!-- Written from the command line itself by `npx pnpm site:generate`. Edit the commands, not this page. -->\n';

/** One page for each command, a group's commands on its page, and a page that lists them. */
export async function commandLinePages(): Promise<GeneratedPage[]> {
  const program = await createProgram();
  const commands = [...program.commands].sort((a, b) => a.name().localeCompare(b.name()));
  const list = commands.map(
    (command) => `| [\`${command.name()}\`](${command.name()}.md) | ${cell(command.summary())} |`,
  );
  const index = [
    NOTE,
    '# The command line\n',
    `${program.description()}\n`,
    '| command | what it does |\n| --- | --- |',
    ...list,
    '\nEverywhere: `--help` shows an example; `--json` prints one JSON object on stdout and nothing else, while logs and progress go to',
    'stderr; exit codes are 0 done, 1 failed or faults found, 2 wrong usage, 130 interrupted. `--config FILE` reads the same options from a',
    'JSON, JavaScript or TypeScript file.\n',
  ].join('\n');
  return [
    { path: 'cli/index.md', text: index },
    ...commands.map((command) => ({ path: `cli/${command.name()}.md`, text: commandPage(command) })),
  ];
}

function commandPage(command: Command): string {
  const parts = [NOTE, ...describe(command, `arcface ${command.name()}`, '#')];
  for (const child of command.commands) {
    parts.push(...describe(child, `arcface ${command.name()} ${child.name()}`, '##'));
  }
  return parts.join('\n');
}

function describe(command: Command, name: string, heading: string): string[] {
  const parts = [`${heading} ${name}\n`, `${elementsEscaped(command.description())}\n`];
  const example = exampleOf(command);
  if (example !== undefined) parts.push(`\`\`\`sh\n${example}\n\`\`\`\n`);
  if (command.commands.length > 0) return parts;
  const rows = [
    ...command.registeredArguments.map(argumentRow),
    ...command.options.filter(({ hidden }) => !hidden).map(optionRow),
  ];
  parts.push('| | | default |\n| --- | --- | --- |', ...rows, '');
  return parts;
}

function argumentRow(argument: Argument): string {
  const name = argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
  return `| \`${name}\` | ${cell(argument.description)} | |`;
}

function optionRow(option: Option): string {
  const choices =
    option.argChoices === undefined ? '' : `: ${option.argChoices.map((c) => `\`${c}\``).join(', ')}`;
  const value = option.defaultValue;
  const standard =
    value === undefined || value === false ? '' : `\`${option.defaultValueDescription ?? value}\``;
  return `| \`${option.flags.replaceAll('|', '\\|')}\` | ${cell(option.description)}${choices} | ${standard} |`;
}

/** The line behind "Example:" in the help. */
export function exampleOf(command: Command): string | undefined {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return /Example:\n {2}\$ (.*)/.exec(help)?.[1];
}

function cell(text: string): string {
  return elementsEscaped(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** Angle brackets would be elements to the site's compiler. */
function elementsEscaped(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('{{', '&#123;&#123;');
}

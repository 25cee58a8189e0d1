/** The commands in the shell blocks of a Markdown file. */

export interface ShellCommand {
  /** Line of the command, from 1. */
  readonly line: number;
  /** As a shell would divide it; quotes are taken off. */
  readonly words: readonly string[];
}

/** What stands before the command that a loop asks. */
const LOOPS: ReadonlySet<string> = new Set(['until', 'while']);

/** Every command of the blocks fenced as `sh`: continued lines joined, comments left out, variables of the block put in. */
export function shellCommands(markdown: string): ShellCommand[] {
  const commands: ShellCommand[] = [];
  let inside = false;
  let open: { line: number; text: string } | undefined;
  let variables = new Map<string, readonly string[]>();
  for (const [i, text] of markdown.split('\n').entries()) {
    if (text.startsWith('```')) {
      inside = text === '```sh';
      variables = new Map();
      continue;
    }
    if (!inside) continue;
    open = { line: open?.line ?? i + 1, text: (open?.text ?? '') + text.replace(/\\$/, '') };
    if (text.endsWith('\\')) continue;
    const words = wordsOf(open.text).flatMap((word) => variables.get(word) ?? [word]);
    const assigned = words.length === 1 ? /^([a-z]+)=(.*)$/.exec(words[0]!) : null;
    if (assigned) variables.set(`$${assigned[1]}`, wordsOf(assigned[2]!));
    else if (LOOPS.has(words[0]!)) words.shift();
    if (!assigned && words.length > 0 && words[0] !== 'done') commands.push({ line: open.line, words });
    open = undefined;
  }
  return commands;
}

function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [match] of text.matchAll(/#.*$|(?:'[^']*'|"[^"]*"|[^\s'"#])+/g)) {
    if (match.startsWith('#')) break;
    words.push(match.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double));
  }
  return words;
}

/** The arguments of a command of ours, however it is called, up to a pipe or redirection; undefined for any other. */
export function arcfaceArguments(line: readonly string[]): readonly string[] | undefined {
  const repeated = line.indexOf('xargs');
  if (repeated >= 0) {
    // `seq 4 | xargs -P 4 -I{} npx arcface ...`: as the first of them is called.
    const first = line.map((word) => word.replaceAll('{}', '1'));
    return arcfaceArguments(first.slice(first.indexOf('npx', repeated)));
  }
  const end = line.findIndex((word) => word === '|' || word === '>');
  const words = end < 0 ? line : line.slice(0, end);
  const [first, second, third] = words;
  if (first === 'mpirun' && words.includes('npx')) return arcfaceArguments(words.slice(words.indexOf('npx')));
  if (first === 'arcface') return words.slice(1);
  if (first === 'npx' && second === 'arcface') return words.slice(2);
  if (first === 'npx' && second === 'pnpm' && third === 'arcface') return words.slice(3);
  if (first === 'npx' && second === 'pnpm' && third === 'demo') return words.slice(2);
  return undefined;
}

/** The blocks of TypeScript and JavaScript in a Markdown file. */

/** A fenced block of code. */
export interface CodeBlock {
  /** Number among the file's blocks, from 0. */
  readonly index: number;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  readonly code: string;
}

/** Every block fenced as `ts` or `js`, in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { line: number; code: string[] } | undefined;
  for (const [i, line] of markdown.split('\n').entries()) {
    if (open === undefined) {
      if (line === '```ts' || line === '```js') open = { line: i + 1, code: [] };
    } else if (line === '```') {
      blocks.push({ index: blocks.length, line: open.line, code: open.code.join('\n') });
      open = undefined;
    } else open.code.push(line);
  }
  return blocks;
}

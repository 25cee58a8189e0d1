/**
 * The lines of a text file, one at a time. A line ends at a line feed and nowhere else: the `readline` of newer Nodes ends one at the
 * separators U+2028 and U+2029 as well, which JSON allows within a text, such as somebody's name.
 */
import { createReadStream } from 'node:fs';

/** A mark of the byte order is left out; a carriage return before the line feed is not. */
export async function* textLines(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let begun: string[] = [];
  for await (const chunk of createReadStream(path)) {
    const [first, ...others] = decoder.decode(chunk, { stream: true }).split('\n');
    begun.push(first!);
    if (others.length === 0) continue;
    yield begun.join('');
    begun = [others.pop()!];
    yield* others;
  }
  const last = begun.join('') + decoder.decode();
  if (last !== '') yield last;
}

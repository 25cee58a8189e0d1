/**
 * Looks through the text of a safetensors header before it is parsed. A parser makes of a few bytes of brackets many times as
 * much memory, of 100 MB more than there is; and of two members with one name it silently keeps one. A header needs
 * neither: it is an object of objects, whose members are plain values or arrays of them.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** The header, a tensor in it, a shape in that. */
const DEEPEST = 3;
/** Above any name or metadata: larger texts are only there to be parsed in their turn. */
const LONGEST_TEXT = 2 ** 24;

export interface HeaderOutline {
  /** How many members the outermost object has, equal names counted apart. */
  readonly members: number;
  /** Where it stops to look like a header, and why. */
  readonly fault?: { readonly at: number; readonly message: string };
}

/** @param json UTF-8, of which nothing is known */
export function headerOutline(json: Uint8Array): HeaderOutline {
  let depth = 0;
  let members = 0;
  let textStart = -1;
  const fault = (at: number, message: string): HeaderOutline => ({ members, fault: { at, message } });
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (textStart >= 0) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) textStart = -1;
      else if (at - textStart > LONGEST_TEXT)
        return fault(textStart, `a text of more than ${LONGEST_TEXT} bytes`);
    } else if (byte === QUOTE) {
      textStart = at;
    } else if (byte === COLON) {
      if (depth === 1) members++;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth++;
      // Only the innermost are arrays: one that holds others has no place in a header.
      if (depth > DEEPEST || (byte === OPEN_BRACKET) !== (depth === DEEPEST)) {
        return fault(at, `an ${byte === OPEN_BRACE ? 'object' : 'array'} where a header has none`);
      }
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth--;
    }
  }
  return { members };
}

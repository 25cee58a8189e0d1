/** Text for a terminal. */

/** Characters that a terminal obeys instead of showing them, or that show what follows in another order. */
const OBEYED = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Names of files and records are anybody's: what a terminal would obey in them is shown as `\u001b`. Line feeds and tabs stay. */
export function printable(text: string): string {
  return text.replace(OBEYED, (character) =>
    character === '\n' || character === '\t'
      ? character
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The ways in which pickles of protocols 0 to 5 write text, all decoded when first needed and once only. */
import { RecordIOError } from './errors.ts';
import type { PickleText } from './pickle-value.ts';

const BACKSLASH = 92;

/** Text as UTF-8 (`BINUNICODE` and its kin). */
export function utf8Text(bytes: Uint8Array, offset: number): PickleText {
  return lazyText(() => {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new RecordIOError('pickle-malformed', `The text at byte ${offset} is not UTF-8`, {
        offset,
        cause,
      });
    }
  }, offset);
}

/** Text of protocol 0 (`UNICODE`): Latin-1 with `\uXXXX` and `\UXXXXXXXX` escapes. */
export function rawUnicodeText(bytes: Uint8Array, offset: number): PickleText {
  return lazyText(
    () =>
      asciiOrLatin1(bytes).replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (whole, short, long) => {
        const point = Number.parseInt(short ?? long, 16);
        return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
      }),
    offset,
  );
}

/** A Python 2 string, which is bytes. */
export function byteText(bytes: Uint8Array): PickleText {
  return { kind: 'text', characters: () => asciiOrLatin1(bytes), latin1: () => bytes };
}

/** A Python 2 string of protocol 0 (`STRING`): quoted, with backslash escapes. */
export function quotedText(bytes: Uint8Array, offset: number): PickleText {
  const quote = bytes[0];
  if (bytes.length < 2 || (quote !== 34 && quote !== 39) || bytes[bytes.length - 1] !== quote) {
    throw new RecordIOError('pickle-malformed', `The string at byte ${offset} is not quoted`, { offset });
  }
  const inner = bytes.subarray(1, -1);
  if (!inner.includes(BACKSLASH)) {
    return byteText(inner);
  }
  let decoded: Uint8Array | undefined;
  const latin1 = (): Uint8Array => {
    decoded ??= unescapeBytes(inner, offset);
    return decoded;
  };
  return { kind: 'text', characters: () => asciiOrLatin1(latin1()), latin1 };
}

const SIMPLE_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['\\', 92],
  ["'", 39],
  ['"', 34],
  ['a', 7],
  ['b', 8],
  ['f', 12],
  ['n', 10],
  ['r', 13],
  ['t', 9],
  ['v', 11],
]);

function unescapeBytes(bytes: Uint8Array, offset: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== BACKSLASH) {
      result[length++] = bytes[at++]!;
      continue;
    }
    const sequence = asciiOrLatin1(bytes.subarray(at + 1, at + 4));
    const simple = SIMPLE_ESCAPES.get(sequence.charAt(0));
    const number = /^(?:x([0-9a-fA-F]{2})|([0-7]{1,3}))/.exec(sequence);
    if (simple !== undefined) {
      result[length++] = simple;
      at += 2;
    } else if (number !== null) {
      result[length++] =
        number[1] === undefined ? Number.parseInt(number[2]!, 8) : Number.parseInt(number[1], 16);
      at += 1 + number[0].length;
    } else {
      throw new RecordIOError(
        'pickle-malformed',
        `The string at byte ${offset} has an escape that is not Python's`,
        { offset },
      );
    }
  }
  return result.subarray(0, length);
}

function lazyText(decode: () => string, offset: number): PickleText {
  let characters: string | undefined;
  let latin1: Uint8Array | undefined;
  const text: PickleText = {
    kind: 'text',
    characters: () => {
      characters ??= decode();
      return characters;
    },
    latin1: () => {
      if (latin1 === undefined) {
        latin1 = encodeLatin1(decode(), offset);
      }
      return latin1;
    },
  };
  return text;
}

function encodeLatin1(text: string, offset: number): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) {
      throw new RecordIOError(
        'pickle-malformed',
        `The text at byte ${offset} stands for bytes, but has a character past U+00FF`,
        {
          offset,
        },
      );
    }
    bytes[i] = code;
  }
  return bytes;
}

/** One character per byte. (`TextDecoder('latin1')` is windows-1252, which is something else.) */
export function asciiOrLatin1(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return text;
}

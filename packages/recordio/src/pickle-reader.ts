/**
 * A reader for the pickles that verification packs (`.bin`) are: protocols 0 to 5, but only what such packs are made
 * of. It builds lists, tuples, booleans, whole numbers, byte strings and numpy arrays of bytes or booleans as plain
 * values. It never calls or imports anything: a name such as `numpy.core.multiarray._reconstruct` only ever selects a
 * row of a table that says how to read the arguments as data, and every other name is refused.
 *
 * Source: the opcodes as documented in CPython's `Lib/pickletools.py`.
 */
import { RecordIOError } from './errors.ts';
import { constructPickled, restoreState } from './pickle-constructors.ts';
import { asciiOrLatin1, byteText, quotedText, rawUnicodeText, utf8Text } from './pickle-text.ts';
import { isKind, type PickleValue } from './pickle-value.ts';

const LINE_FEED = 10;

/**
 * Reads one pickle. Byte strings and arrays are views of `bytes`.
 *
 * @throws RecordIOError `pickle-truncated`, `pickle-unsupported` (an opcode or name that packs have no use for) or
 *   `pickle-malformed`, with the byte offset of the opcode
 */
export function readPickle(bytes: Uint8Array): PickleValue {
  const machine = new PickleMachine(bytes);
  for (;;) {
    const result = machine.step();
    if (result !== undefined) {
      return result.value;
    }
  }
}

class PickleMachine {
  readonly #bytes: Uint8Array;
  #at = 0;
  #opcodeAt = 0;
  #stack: PickleValue[] = [];
  /** Stack heights at marks. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Does one opcode; gives the result at STOP. */
  step(): { value: PickleValue } | undefined {
    this.#opcodeAt = this.#at;
    const opcode = String.fromCharCode(this.#take(1)[0]!);
    if (opcode === '.') {
      return { value: this.#pop() };
    }
    if (
      !(
        this.#framing(opcode) ||
        this.#scalar(opcode) ||
        this.#text(opcode) ||
        this.#container(opcode) ||
        this.#memory(opcode)
      )
    ) {
      this.#construction(opcode);
    }
    return undefined;
  }

  #framing(opcode: string): boolean {
    switch (opcode) {
      case '\x80': {
        const protocol = this.#take(1)[0]!;
        if (protocol > 5) {
          throw this.#error('pickle-unsupported', `pickle protocol ${protocol} is not known, 0 to 5 are`);
        }
        return true;
      }
      case '\x95':
        this.#take(8);
        return true;
      default:
        return false;
    }
  }

  #scalar(opcode: string): boolean {
    switch (opcode) {
      case 'N':
        return this.#push(null);
      case '\x88':
        return this.#push(true);
      case '\x89':
        return this.#push(false);
      case 'K':
        return this.#push(this.#take(1)[0]!);
      case 'M':
        return this.#push(this.#unsigned(2));
      case 'J':
        return this.#push(this.#unsigned(4) | 0);
      case '\x8a':
        return this.#push(this.#signed(this.#take(1)[0]!));
      case 'I': {
        const text = this.#line();
        return this.#push(text === '00' ? false : text === '01' ? true : this.#decimal(text));
      }
      case 'L':
        return this.#push(this.#decimal(this.#line().replace(/L$/, '')));
      default:
        return false;
    }
  }

  #text(opcode: string): boolean {
    switch (opcode) {
      case 'B':
        return this.#push(this.#take(this.#unsigned(4)));
      case 'C':
        return this.#push(this.#take(this.#unsigned(1)));
      case '\x8e':
      case '\x96':
        return this.#push(this.#take(this.#unsigned(8)));
      case 'T':
        return this.#push(byteText(this.#take(this.#unsigned(4))));
      case 'U':
        return this.#push(byteText(this.#take(this.#unsigned(1))));
      case 'S':
        return this.#push(quotedText(this.#lineBytes(), this.#opcodeAt));
      case 'X':
        return this.#push(utf8Text(this.#take(this.#unsigned(4)), this.#opcodeAt));
      case '\x8c':
        return this.#push(utf8Text(this.#take(this.#unsigned(1)), this.#opcodeAt));
      case '\x8d':
        return this.#push(utf8Text(this.#take(this.#unsigned(8)), this.#opcodeAt));
      case 'V':
        return this.#push(rawUnicodeText(this.#lineBytes(), this.#opcodeAt));
      default:
        return false;
    }
  }

  #container(opcode: string): boolean {
    switch (opcode) {
      case '(':
        this.#marks.push(this.#stack.length);
        return true;
      case ']':
        return this.#push({ kind: 'list', items: [] });
      case 'l':
        return this.#push({ kind: 'list', items: this.#popToMark() });
      case ')':
        return this.#push({ kind: 'tuple', items: [] });
      case 't':
        return this.#push({ kind: 'tuple', items: this.#popToMark() });
      case '\x85':
      case '\x86':
      case '\x87':
        return this.#push({ kind: 'tuple', items: this.#popMany(opcode.charCodeAt(0) - 0x84) });
      case 'a':
        return this.#append([this.#pop()]);
      case 'e':
        return this.#append(this.#popToMark());
      default:
        return false;
    }
  }

  #memory(opcode: string): boolean {
    switch (opcode) {
      case '\x94':
        return this.#remember(this.#memo.size);
      case 'q':
        return this.#remember(this.#unsigned(1));
      case 'r':
        return this.#remember(this.#unsigned(4));
      case 'p':
        return this.#remember(this.#decimal(this.#line()));
      case 'h':
        return this.#recall(this.#unsigned(1));
      case 'j':
        return this.#recall(this.#unsigned(4));
      case 'g':
        return this.#recall(this.#decimal(this.#line()));
      case '0':
        this.#pop();
        return true;
      case '1':
        this.#popToMark();
        return true;
      case '2':
        return this.#push(this.#top());
      default:
        return false;
    }
  }

  #construction(opcode: string): void {
    switch (opcode) {
      case 'c': {
        const module = this.#line();
        this.#push({ kind: 'name', name: `${module}.${this.#line()}` });
        return;
      }
      case '\x93': {
        const name = this.#pop();
        const module = this.#pop();
        if (!isKind(name, 'text') || !isKind(module, 'text')) {
          throw this.#error('pickle-malformed', 'a name must be made of two strings');
        }
        this.#push({ kind: 'name', name: `${module.characters()}.${name.characters()}` });
        return;
      }
      case 'R': {
        const args = this.#pop();
        const callee = this.#pop();
        if (!isKind(callee, 'name') || !isKind(args, 'tuple')) {
          throw this.#error('pickle-malformed', 'a construction needs a name and a tuple');
        }
        this.#push(constructPickled(callee.name, args.items, this.#opcodeAt));
        return;
      }
      case 'b': {
        const state = this.#pop();
        restoreState(this.#top(), state, this.#opcodeAt);
        return;
      }
      default: {
        const hex = opcode.charCodeAt(0).toString(16).padStart(2, '0');
        throw this.#error('pickle-unsupported', `pickle opcode 0x${hex} has no place in a verification pack`);
      }
    }
  }

  #take(count: number): Uint8Array {
    const start = this.#at;
    if (count > this.#bytes.length - start) {
      throw this.#error(
        'pickle-truncated',
        `the pickle ends at byte ${this.#bytes.length}, ${count} bytes from byte ${start} on were expected`,
      );
    }
    this.#at += count;
    return this.#bytes.subarray(start, this.#at);
  }

  #unsigned(size: number): number {
    let value = 0;
    let scale = 1;
    for (const byte of this.#take(size)) {
      value += byte * scale;
      scale *= 256;
    }
    return value;
  }

  #signed(size: number): number {
    if (size > 8) {
      throw this.#error(
        'pickle-unsupported',
        `a whole number of ${size} bytes has no place in a verification pack`,
      );
    }
    let value = 0n;
    const bytes = this.#take(size);
    bytes.forEach((byte, i) => {
      value |= BigInt(byte) << BigInt(8 * i);
    });
    return this.#safe(Number(BigInt.asIntN(8 * size, value)));
  }

  #decimal(text: string): number {
    if (!/^-?\d{1,20}$/.test(text)) {
      throw this.#error(
        'pickle-malformed',
        `expected a whole number, found ${JSON.stringify(text.slice(0, 30))}`,
      );
    }
    return this.#safe(Number(text));
  }

  #safe(value: number): number {
    if (!Number.isSafeInteger(value)) {
      throw this.#error('pickle-unsupported', 'a whole number past 2^53 has no place in a verification pack');
    }
    return value;
  }

  #lineBytes(): Uint8Array {
    const end = this.#bytes.indexOf(LINE_FEED, this.#at);
    if (end === -1) {
      throw this.#error(
        'pickle-truncated',
        `the pickle ends within the line that starts at byte ${this.#at}`,
      );
    }
    const bytes = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return bytes;
  }

  #line(): string {
    const bytes = this.#lineBytes();
    if (bytes.length > 200) {
      throw this.#error('pickle-malformed', `a name or number of ${bytes.length} characters`);
    }
    return asciiOrLatin1(bytes);
  }

  #push(value: PickleValue): true {
    this.#stack.push(value);
    return true;
  }

  #pop(): PickleValue {
    return this.#popMany(1)[0]!;
  }

  #popMany(count: number): PickleValue[] {
    const floor = this.#marks.at(-1) ?? 0;
    if (this.#stack.length - count < floor) {
      throw this.#error('pickle-malformed', 'the pickle takes more values than it has made');
    }
    return this.#stack.splice(this.#stack.length - count, count);
  }

  #popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) {
      throw this.#error('pickle-malformed', 'the pickle goes back to a mark that is not there');
    }
    return this.#stack.splice(mark);
  }

  #top(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) {
      throw this.#error('pickle-malformed', 'the pickle uses a value before it has made one');
    }
    return this.#stack.at(-1)!;
  }

  #append(values: readonly PickleValue[]): true {
    const list = this.#top();
    if (!isKind(list, 'list')) {
      throw this.#error('pickle-malformed', 'the pickle appends to something that is not a list');
    }
    for (const value of values) {
      list.items.push(value);
    }
    return true;
  }

  #remember(slot: number): true {
    this.#memo.set(slot, this.#top());
    return true;
  }

  #recall(slot: number): true {
    const value = this.#memo.get(slot);
    if (value === undefined) {
      throw this.#error(
        'pickle-malformed',
        `the pickle refers to value ${slot}, which it has not remembered`,
      );
    }
    return this.#push(value);
  }

  #error(code: 'pickle-truncated' | 'pickle-unsupported' | 'pickle-malformed', what: string): RecordIOError {
    return new RecordIOError(code, `At byte ${this.#opcodeAt}: ${what}`, { offset: this.#opcodeAt });
  }
}

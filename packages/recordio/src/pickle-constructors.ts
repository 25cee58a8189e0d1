/**
 * The few constructions that verification packs contain, each read as data: how protocols 0 to 2 carry bytes, and how
 * numpy stores arrays and scalars. Anything else is refused by name.
 */
import { RecordIOError } from './errors.ts';
import { isKind, type PickleType, type PickleValue } from './pickle-value.ts';

type Construct = (args: readonly PickleValue[], offset: number) => PickleValue;

const CONSTRUCTIONS: ReadonlyMap<string, Construct> = new Map<string, Construct>([
  ['_codecs.encode', encodeText],
  ['__builtin__.bytes', emptyBytes],
  ['builtins.bytes', emptyBytes],
  ['__builtin__.bytearray', byteArray],
  ['builtins.bytearray', byteArray],
  ['numpy.dtype', dataType],
  ...['numpy.core', 'numpy._core'].flatMap((core): [string, Construct][] => [
    [`${core}.multiarray._reconstruct`, emptyArray],
    [`${core}.multiarray.scalar`, scalar],
    [`${core}.numeric._frombuffer`, arrayFromBuffer],
  ]),
]);

/** Element types a pack can have: bytes (unsigned or signed) and booleans. */
const ONE_BYTE_TYPES: ReadonlySet<string> = new Set([
  'u1',
  'i1',
  'b1',
  '|u1',
  '|i1',
  '|b1',
  '?',
  'B',
  'b',
  'uint8',
  'bool',
]);

/** Gives the value that a name with these arguments stands for. */
export function constructPickled(name: string, args: readonly PickleValue[], offset: number): PickleValue {
  const construct = CONSTRUCTIONS.get(name);
  if (construct === undefined) {
    throw new RecordIOError(
      'pickle-unsupported',
      `At byte ${offset}: the pickle asks for ${JSON.stringify(name)}, which has no place in a verification pack; nothing was run`,
      { offset },
    );
  }
  return construct(args, offset);
}

/** Fills in an array (or type) from the state that numpy stores for it. */
export function restoreState(target: PickleValue, state: PickleValue, offset: number): void {
  if (isKind(target, 'type')) {
    return; // Byte order and alignment say nothing for one-byte elements.
  }
  if (!isKind(target, 'array') || !isKind(state, 'tuple') || state.items.length !== 5) {
    throw malformed('state for something that is not a numpy array', offset);
  }
  const [, shape, type, , raw] = state.items;
  if (!isKind(type, 'type')) {
    throw malformed('a numpy array without an element type', offset);
  }
  target.type = type;
  target.bytes = arrayBytes(bytesOf(raw, offset), shape, offset);
}

function encodeText(args: readonly PickleValue[], offset: number): PickleValue {
  const [text, encoding] = args;
  if (
    !isKind(text, 'text') ||
    !isKind(encoding, 'text') ||
    !/^latin-?1$/i.test(encoding.characters().slice(0, 16))
  ) {
    throw malformed('text to be made bytes by another encoding than Latin-1', offset);
  }
  return text.latin1();
}

function emptyBytes(args: readonly PickleValue[], offset: number): PickleValue {
  if (args.length !== 0) {
    throw malformed('bytes made from arguments', offset);
  }
  return new Uint8Array(0);
}

function byteArray(args: readonly PickleValue[], offset: number): PickleValue {
  return args.length === 0 ? new Uint8Array(0) : bytesOf(args[0], offset);
}

function dataType(args: readonly PickleValue[], offset: number): PickleValue {
  const code = isKind(args[0], 'text') ? args[0].characters() : '';
  if (!ONE_BYTE_TYPES.has(code)) {
    throw new RecordIOError(
      'pickle-unsupported',
      `At byte ${offset}: numpy arrays of type ${JSON.stringify(code.slice(0, 20))}; a verification pack has bytes (u1) and booleans (b1)`,
      { offset },
    );
  }
  return { kind: 'type', code };
}

const UNKNOWN_TYPE: PickleType = { kind: 'type', code: 'b' };

function emptyArray(args: readonly PickleValue[], offset: number): PickleValue {
  if (!isKind(args[0], 'name') || args[0].name !== 'numpy.ndarray') {
    throw malformed('a numpy array of a class other than ndarray', offset);
  }
  return { kind: 'array', type: UNKNOWN_TYPE, bytes: new Uint8Array(0) };
}

function arrayFromBuffer(args: readonly PickleValue[], offset: number): PickleValue {
  const [raw, type, shape] = args;
  if (!isKind(type, 'type')) {
    throw malformed('a numpy array without an element type', offset);
  }
  return { kind: 'array', type, bytes: arrayBytes(bytesOf(raw, offset), shape, offset) };
}

function scalar(args: readonly PickleValue[], offset: number): PickleValue {
  const [type, raw] = args;
  const bytes = bytesOf(raw, offset);
  if (!isKind(type, 'type') || bytes.length !== 1) {
    throw malformed('a numpy scalar that is not one byte', offset);
  }
  return isBoolean(type) ? bytes[0] !== 0 : bytes[0]!;
}

/** Whether an element type is boolean rather than a number. */
export function isBoolean({ code }: PickleType): boolean {
  return code === '?' || code === 'bool' || code.endsWith('b1');
}

function bytesOf(value: PickleValue | undefined, offset: number): Uint8Array {
  if (value instanceof Uint8Array) {
    return value;
  }
  if (isKind(value, 'text')) {
    return value.latin1();
  }
  throw malformed('something else where bytes should be', offset);
}

/** Checks that there are as many bytes as the shape says; the shape itself does not matter to a pack. */
function arrayBytes(bytes: Uint8Array, shape: PickleValue | undefined, offset: number): Uint8Array {
  const sizes = isKind(shape, 'tuple') ? shape.items : typeof shape === 'number' ? [shape] : [null];
  const elements = sizes.reduce<number>(
    (product, size) => (typeof size === 'number' ? product * size : Number.NaN),
    1,
  );
  if (elements !== bytes.length) {
    throw malformed(`a numpy array of ${elements} elements with ${bytes.length} bytes`, offset);
  }
  return bytes;
}

function malformed(what: string, offset: number): RecordIOError {
  return new RecordIOError('pickle-malformed', `At byte ${offset}: ${what}`, { offset });
}

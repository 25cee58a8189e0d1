/**
 * What a verification pack's pickle can be made of, once read. Nothing here is a Python object: names are only names,
 * and an array is its bytes.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | Uint8Array
  | PickleText
  | PickleSequence
  | PickleName
  | PickleType
  | PickleArray;

/** A string, kept as the bytes in the file until its characters are asked for. */
export interface PickleText {
  readonly kind: 'text';
  readonly characters: () => string;
  /** The text as bytes, one per character (Latin-1), which is how protocols 0 to 2 carry bytes. */
  readonly latin1: () => Uint8Array;
}

/** A list or a tuple. */
export interface PickleSequence {
  readonly kind: 'list' | 'tuple';
  readonly items: PickleValue[];
}

/** `module name` of something in Python that the pickle refers to. */
export interface PickleName {
  readonly kind: 'name';
  readonly name: string;
}

/** A numpy data type, by its code: `u1`, `b1`, ... */
export interface PickleType {
  readonly kind: 'type';
  readonly code: string;
}

/** A numpy array of one-byte elements; empty until its state has been read. */
export interface PickleArray {
  readonly kind: 'array';
  type: PickleType;
  bytes: Uint8Array;
}

export function isKind<K extends 'text' | 'list' | 'tuple' | 'name' | 'type' | 'array'>(
  value: PickleValue | undefined,
  ...kinds: readonly K[]
): value is Extract<PickleValue, { kind: K | (K extends 'list' | 'tuple' ? 'list' | 'tuple' : never) }> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Uint8Array) &&
    (kinds as readonly string[]).includes(value.kind)
  );
}

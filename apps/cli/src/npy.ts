/** NumPy's `.npy`, version 1.0: what `numpy.load` reads. */

/** The header of a C-ordered little-endian float32 array; the values follow it. */
export function npyHeader(shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const preamble = 10;
  // The values start at a multiple of 64 bytes; the header ends with a line feed.
  const length = Math.ceil((preamble + dictionary.length + 1) / 64) * 64;
  const text = `${dictionary.padEnd(length - preamble - 1)}\n`;
  const header = new Uint8Array(length);
  header.set([0x93, ...Buffer.from('NUMPY'), 1, 0]);
  new DataView(header.buffer).setUint16(8, text.length, true);
  header.set(Buffer.from(text, 'latin1'), preamble);
  return header;
}

/** What a `.npy` file says about its values. */
export interface NpyHeader {
  readonly shape: readonly number[];
  readonly type: 'float16' | 'float32' | 'float64';
  /** Byte at which the values begin. */
  readonly dataOffset: number;
}

const TYPES: Readonly<Record<string, NpyHeader['type']>> = {
  '<f2': 'float16',
  '<f4': 'float32',
  '<f8': 'float64',
};

/**
 * Reads the header of a C-ordered little-endian array of floats, format versions 1 to 3.
 *
 * @param bytes the file from its start on, at least the header
 * @throws {Error} saying what was expected and found
 */
export function parseNpyHeader(bytes: Uint8Array): NpyHeader {
  const magic = [0x93, ...Buffer.from('NUMPY')];
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw new Error('not a .npy file: it does not begin with \\x93NUMPY');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [preamble, length] = bytes[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (preamble + length > bytes.length)
    throw new Error(`its header claims ${length} bytes, more than are there`);
  const text = Buffer.from(bytes.subarray(preamble, preamble + length)).toString('latin1');
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1] ?? '';
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  const type = TYPES[descr];
  if (type === undefined) throw new Error(`its values are '${descr}', expected '<f4', '<f2' or '<f8'`);
  if (!/'fortran_order':\s*False/.test(text))
    throw new Error('its values are in Fortran order, expected C order');
  if (shape === undefined) throw new Error('its header states no shape');
  const sizes = shape.split(',').flatMap((size) => (size.trim() === '' ? [] : [Number(size)]));
  if (!sizes.every(Number.isSafeInteger)) throw new Error(`its shape (${shape}) is no shape`);
  return { shape: sizes, type, dataOffset: preamble + length };
}

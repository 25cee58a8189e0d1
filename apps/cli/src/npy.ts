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

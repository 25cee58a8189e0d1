/** What kind of image some bytes are, by how they begin. */

const ascii = (text: string): number[] => Array.from(text, (character) => character.charCodeAt(0));

/** Extension, and the bytes at a place that give the format away. */
const SIGNATURES: readonly (readonly [extension: string, at: number, bytes: readonly number[]])[] = [
  ['jpg', 0, [0xff, 0xd8, 0xff]],
  ['png', 0, [0x89, ...ascii('PNG\r\n'), 0x1a, 0x0a]],
  ['webp', 8, ascii('WEBP')],
  ['gif', 0, ascii('GIF8')],
  ['bmp', 0, ascii('BM')],
  ['tif', 0, [0x49, 0x49, 0x2a, 0]],
  ['tif', 0, [0x4d, 0x4d, 0, 0x2a]],
  ['avif', 4, ascii('ftypavi')],
  ['heic', 4, ascii('ftyphei')],
  ['heic', 4, ascii('ftypmif1')],
  ['jp2', 4, ascii('jP  ')],
  ['ppm', 0, ascii('P6')],
  ['pgm', 0, ascii('P5')],
];

/** The extension that a file with these bytes should have, without a dot; nothing if they are no image that is known. */
export function imageExtension(bytes: Uint8Array): string | undefined {
  return SIGNATURES.find(([, at, signature]) => signature.every((byte, i) => bytes[at + i] === byte))?.[0];
}

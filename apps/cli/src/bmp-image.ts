/**
 * Windows bitmaps, which sharp does not read and OpenCV does: uncompressed, of 24 or 32 bits a pixel, or of 8 with a palette.
 * Microsoft, "Bitmap Storage" (BITMAPFILEHEADER, BITMAPINFOHEADER).
 */

/** Pixels as sharp takes them. */
export interface BmpImage {
  /** RGB, row after row from the top. */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

const FILE_HEADER_BYTES = 14;
const LEAST_INFO_BYTES = 40;
const MOST_PIXELS = 2 ** 26;
/** Compressions: none, and none with masks that say where in a pixel its colours are. */
const [NONE, MASKED] = [0, 3];
const USUAL_MASKS = [0xff0000, 0xff00, 0xff];

/** @throws {Error} saying what is damaged or of another kind */
export function decodeBmp(bytes: Uint8Array): BmpImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER_BYTES + LEAST_INFO_BYTES)
    throw new Error('the bitmap ends within its header');
  const pixelsAt = view.getUint32(10, true);
  const infoBytes = view.getUint32(14, true);
  const width = view.getInt32(18, true);
  const signedHeight = view.getInt32(22, true);
  const height = Math.abs(signedHeight);
  const bits = view.getUint16(28, true);
  const compression = view.getUint32(30, true);
  const masksAt = FILE_HEADER_BYTES + LEAST_INFO_BYTES;
  const isMasked = compression === MASKED && bits === 32 && bytes.length >= masksAt + 12;
  const isUsual = isMasked && USUAL_MASKS.every((mask, i) => view.getUint32(masksAt + 4 * i, true) === mask);
  if (infoBytes < LEAST_INFO_BYTES || ![8, 24, 32].includes(bits) || !(compression === NONE || isUsual)) {
    throw new Error(
      `bitmaps are read uncompressed, of 8, 24 or 32 bits, found ${bits} bits, compression ${compression}`,
    );
  }
  if (width < 1 || height < 1 || width * height > MOST_PIXELS) {
    throw new Error(`the bitmap claims ${width} x ${height} pixels`);
  }
  const rowBytes = 4 * Math.ceil((width * bits) / 32);
  if (pixelsAt + rowBytes * height > bytes.length) throw new Error('the bitmap ends within its pixels');

  const paletteAt = FILE_HEADER_BYTES + infoBytes;
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    // The lowest row comes first, unless the height is negative.
    const row = pixelsAt + rowBytes * (signedHeight > 0 ? height - 1 - y : y);
    for (let x = 0; x < width; x++) {
      const blue = bits === 8 ? paletteAt + 4 * bytes[row + x]! : row + (x * bits) / 8;
      const to = 3 * (y * width + x);
      for (let channel = 0; channel < 3; channel++) data[to + channel] = bytes[blue + 2 - channel] ?? 0;
    }
  }
  return { data, width, height };
}

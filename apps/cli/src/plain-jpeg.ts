/**
 * The images of a face dataset are nearly all of one kind: small JPEGs in three colours that have the size asked for already. To set
 * up a pipeline for one takes sharp four times as long as the decoding. So those, and only those, are decoded by libjpeg-turbo
 * (compiled to WebAssembly), which is the decoder that sharp has too: the pixels are the same. Whatever is not plain, or
 * gives as much as a warning, is left to sharp, which also says what is wrong with it.
 */
import { createRequire } from 'node:module';

/** As much of `@cornerstonejs/codec-libjpeg-turbo-8bit`, which has no types, as is used. */
interface JpegDecoder {
  /** Where to put a file of so many bytes. */
  getEncodedBuffer(bytes: number): Uint8Array;
  /** Throws for an error and for a warning. */
  decode(): void;
  /** RGB, row-major; of the decoder's own memory. */
  getDecodedBuffer(): Uint8Array;
}
type LoadCodec = () => Promise<{ JPEGDecoder: new () => JpegDecoder }>;

/** The codec has 50 MB for all. */
const LARGEST_FILE = 2 ** 20;
/** What it threw for it does not free, so it is loaded anew every so often. */
const FAILURES_OF_A_CODEC = 200;

let decoder: Promise<JpegDecoder | undefined> | undefined;
let failures = 0;

/** @returns RGB bytes `[height, width, 3]`, or undefined for what should be decoded by other means */
export async function decodePlainJpeg(
  bytes: Uint8Array,
  size: { readonly height: number; readonly width: number },
): Promise<Uint8Array | undefined> {
  if (bytes.length > LARGEST_FILE || !isPlain(bytes, size)) return undefined;
  decoder ??= loadDecoder();
  const codec = await decoder;
  if (codec === undefined) return undefined;
  try {
    // From here to the copy nothing else may run: the codec has one place for a file and one for its pixels.
    codec.getEncodedBuffer(bytes.length).set(bytes);
    codec.decode();
    const pixels = codec.getDecodedBuffer();
    return pixels.length === size.height * size.width * 3 ? Uint8Array.from(pixels) : undefined;
  } catch {
    failures++;
    if (failures % FAILURES_OF_A_CODEC === 0) decoder = undefined;
    return undefined;
  }
}

/** Undefined where WebAssembly is not allowed, or its memory is not to be had: sharp decodes everything then. */
async function loadDecoder(): Promise<JpegDecoder | undefined> {
  try {
    const require = createRequire(import.meta.url);
    const load = require('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs') as LoadCodec;
    const { JPEGDecoder } = await load();
    return new JPEGDecoder();
  } catch {
    return undefined;
  }
}

/** Markers of segments: numbers as T.81 has them in table B.1. */
const START_OF_IMAGE = 0xd8;
const BASELINE_FRAME = 0xc0;
const START_OF_SCAN = 0xda;
const TABLES = [0xdb, 0xc4, 0xdd];
const COMMENT = 0xfe;
const FIRST_APPLICATION = 0xe0;
const LAST_APPLICATION = 0xef;
/** EXIF data, which may say that the image lies on its side. */
const EXIF = 0xe1;
/** Adobe's, which may say that the colours are others. */
const ADOBE = 0xee;

/** Whether a file is a baseline JPEG of this size in three colours, with nothing in its head that changes how it is shown. */
function isPlain(
  bytes: Uint8Array,
  { height, width }: { readonly height: number; readonly width: number },
): boolean {
  if (bytes[0] !== 0xff || bytes[1] !== START_OF_IMAGE) return false;
  const twoBytes = (at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
  let hasFrame = false;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff) return false;
    if (marker === START_OF_SCAN) return hasFrame;
    if (marker === BASELINE_FRAME) {
      const [precision, components] = [bytes[at + 4], bytes[at + 9]];
      hasFrame =
        precision === 8 && components === 3 && twoBytes(at + 5) === height && twoBytes(at + 7) === width;
      if (!hasFrame) return false;
    } else if (marker === EXIF || marker === ADOBE) {
      return false;
    } else {
      const isApplication = marker >= FIRST_APPLICATION && marker <= LAST_APPLICATION;
      if (!isApplication && marker !== COMMENT && !TABLES.includes(marker)) return false;
    }
    at += 2 + twoBytes(at + 2);
  }
  return false;
}

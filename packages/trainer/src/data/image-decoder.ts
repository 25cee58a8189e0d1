/**
 * Where pixels come from. This package knows no image format: an application gives it a decoder (`sharp` in Node,
 * `createImageBitmap` in a browser), and everything that reads images goes through here.
 */
import type { FaceDataset, ReadOptions } from '@arcface/recordio';
import { messageOf, TrainingError } from '../training-error.ts';
import type { ImageSize } from './augmentation.ts';

/** Turns an encoded image (JPEG, PNG, ...) into pixels. */
export interface ImageDecoder {
  /**
   * Resolves to RGB bytes, row-major height x width x 3, of exactly the size asked for: an image of another size is
   * resized. Rejects when the bytes are not an image it can decode.
   */
  decode(bytes: Uint8Array, size: ImageSize): Promise<Uint8Array>;
  /**
   * Compresses RGB bytes as JPEG at a quality of 1 to 100 and decodes them again: for the augmentation of that name, which
   * is refused without it.
   */
  recompress?(pixels: Uint8Array, size: ImageSize, quality: number): Promise<Uint8Array>;
}

/** What images are read from: a {@link FaceDataset}, or anything that has these two members. */
export type ImageSource = Pick<FaceDataset, 'length' | 'read'>;

/** One image of a dataset, decoded, or the reason why it could not be. */
export interface DecodedImage {
  readonly key: number | string;
  readonly label: number;
  /** Position in the dataset. */
  readonly position: number;
  /** RGB bytes that the caller may change; undefined when the image cannot be decoded. */
  readonly pixels: Uint8Array | undefined;
  /** What the decoder said, when the image cannot be decoded. */
  readonly reason: string | undefined;
}

/**
 * Reads and decodes one image. An undecodable image is a result and not an error: what to do about it is the caller's
 * policy. Failing to *read* is an error.
 *
 * @throws {TrainingError} `invalid-decoder` when the decoder returns another number of bytes than was asked for
 */
export async function decodeImage(
  source: { readonly dataset: ImageSource; readonly decoder: ImageDecoder; readonly size: ImageSize },
  position: number,
  options: ReadOptions = {},
): Promise<DecodedImage> {
  const { dataset, decoder, size } = source;
  const record = await dataset.read(position, options);
  const image = { key: record.key, label: record.label, position };
  let pixels: Uint8Array;
  try {
    pixels = await decoder.decode(record.bytes, size);
  } catch (error) {
    return { ...image, pixels: undefined, reason: messageOf(error) };
  }
  const expected = size.height * size.width * 3;
  if (pixels.length !== expected) {
    throw new TrainingError(
      'invalid-decoder',
      `The decoder returned ${pixels.length} bytes for image ${record.key}; ${size.width}x${size.height} RGB is ${expected}.`,
    );
  }
  // A copy: a decoder may hand out memory that is not the caller's to change, such as the record itself.
  return { ...image, pixels: new Uint8Array(pixels), reason: undefined };
}

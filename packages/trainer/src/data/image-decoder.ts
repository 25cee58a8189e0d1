/**
 * Where pixels come from. This package knows no image format: an application gives it a decoder (`sharp` in Node,
 * `createImageBitmap` in a browser), and everything that reads images goes through here.
 */
import type { FaceDataset, ReadOptions } from '@arcface/recordio';
import { Random } from '../random.ts';
import { messageOf, TrainingError } from '../training-error.ts';
import { augment, type ImageAugmentation, type ImageSize } from './augmentation.ts';

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
  /**
   * Decodes and augments at once, for decoders that do both in another thread; the result is that of `decode` and then
   * `augment`, in memory that is the caller's to keep. Rejects with a {@link TrainingError} when it is not the image's
   * fault: such an image must not be skipped.
   */
  decodeAugmented?(bytes: Uint8Array, size: ImageSize, augmentation: ImageAugmentation): Promise<Uint8Array>;
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

/** Options of {@link decodeImage}. */
export interface DecodeOptions extends ReadOptions {
  /** What is done to the image after it is decoded. Default: nothing. */
  readonly augmentation?: ImageAugmentation | undefined;
}

/**
 * Reads, decodes and, if asked to, augments one image. An undecodable image is a result and not an error: what to do about it
 * is the caller's policy. Failing to *read* is an error.
 *
 * @throws {TrainingError} `invalid-decoder` when the decoder returns another number of bytes than was asked for, or fails for
 *   another reason than the image
 */
export async function decodeImage(
  source: { readonly dataset: ImageSource; readonly decoder: ImageDecoder; readonly size: ImageSize },
  position: number,
  { augmentation, ...options }: DecodeOptions = {},
): Promise<DecodedImage> {
  const { dataset, decoder, size } = source;
  const record = await dataset.read(position, options);
  const image = { key: record.key, label: record.label, position };
  const elsewhere = augmentation && decoder.decodeAugmented !== undefined;
  let decoded: Uint8Array;
  try {
    decoded = elsewhere
      ? await decoder.decodeAugmented!(record.bytes, size, augmentation)
      : await decoder.decode(record.bytes, size);
  } catch (error) {
    if (error instanceof TrainingError) throw error;
    return { ...image, pixels: undefined, reason: messageOf(error) };
  }
  const expected = size.height * size.width * 3;
  if (decoded.length !== expected) {
    throw new TrainingError(
      'invalid-decoder',
      `The decoder returned ${decoded.length} bytes for image ${record.key}; ${size.width}x${size.height} RGB is ${expected}.`,
    );
  }
  // A copy: `decode` may hand out memory that is not the caller's to change, such as the record itself.
  const pixels = elsewhere ? decoded : new Uint8Array(decoded);
  if (augmentation && !elsewhere) await augmentImage(decoder, pixels, size, augmentation);
  return { ...image, pixels, reason: undefined };
}

/**
 * Augments RGB bytes in place, with a decoder's `recompress`.
 *
 * @throws {TrainingError} `invalid-option` when recompression is asked for and the decoder cannot
 */
export function augmentImage(
  decoder: ImageDecoder,
  pixels: Uint8Array,
  size: ImageSize,
  { options, random }: ImageAugmentation,
): Promise<void> {
  return augment(pixels, size, options, Random.fromState(random), decoder.recompress?.bind(decoder));
}

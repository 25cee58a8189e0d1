/** A photo and the five points of a face in it, to the face as a network expects it. */
import { type FivePoints, faceTemplate } from './face-template.ts';
import { similarityTransform } from './similarity-transform.ts';
import { warpImage } from './warp-image.ts';

/** Pixels in rows from the top: red, green, blue, 8 bits each. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Options of {@link alignFace}. */
export interface AlignOptions {
  /** Edge of the aligned image in pixels. Default 112. */
  readonly size?: number | undefined;
  /** See {@link WarpOptions.antialias}. Default true. */
  readonly antialias?: boolean | undefined;
}

/**
 * Turns, scales and cuts a face out of a photo so that its landmarks lie on {@link faceTemplate} (insightface's `norm_crop`).
 *
 * @param image the whole photo, upright
 * @param landmarks of one face, in pixels of that photo
 * @throws {AlignmentError} `invalid-landmarks`, `invalid-image`, `invalid-option`
 */
export function alignFace(image: RgbImage, landmarks: FivePoints, options: AlignOptions = {}): RgbImage {
  const { size = 112, antialias = true } = options;
  const transform = similarityTransform(landmarks, faceTemplate(size));
  return warpImage(image, transform, { width: size, height: size, antialias });
}

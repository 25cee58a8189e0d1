/** A photo as a file's bytes, to an aligned face as a file's bytes. */
import { alignFace, type FivePoints, faceTemplate, fitError, similarityTransform } from '@arcface/alignment';
import { imageExtension } from '@arcface/recordio';
import sharp from 'sharp';
import { openImage } from '../decode.ts';

export type FaceFormat = 'jpg' | 'png';

export interface AlignPhotoOptions {
  /** Edge of the face in pixels. */
  readonly size: number;
  readonly format: FaceFormat;
  /** Of JPEG, 1 to 100. */
  readonly quality: number;
  /** Whether the landmarks are in the photo as it is shown, turned by what its EXIF data say, or as it is stored. */
  readonly orientation: 'shown' | 'stored';
}

export interface AlignedPhoto {
  readonly bytes: Uint8Array;
  /** Distance of the landmarks from the template after the best fit, in pixels of a face of 112. */
  readonly fitError: number;
}

/** @throws what sharp throws for bytes that are no image, and {AlignmentError} */
export async function alignPhoto(
  photo: Uint8Array,
  landmarks: FivePoints,
  { size, format, quality, orientation }: AlignPhotoOptions,
): Promise<AlignedPhoto> {
  const isBmp = imageExtension(photo) === 'bmp';
  const stored = isBmp ? openImage(photo) : sharp(photo, { failOn: 'error', ignoreIcc: true });
  const upright = orientation === 'shown' ? stored.rotate() : stored;
  const { data, info } = await upright
    .toColourspace('srgb')
    .flatten({ background: 'black' })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const rgb = info.channels === 1 ? await toRgb(data, info) : data;
  const face = alignFace({ width: info.width, height: info.height, data: rgb }, landmarks, { size });
  const image = sharp(face.data, { raw: { width: size, height: size, channels: 3 } });
  const encoded = format === 'png' ? image.png() : image.jpeg({ quality, chromaSubsampling: '4:4:4' });
  const template = faceTemplate();
  return {
    bytes: await encoded.toBuffer(),
    fitError: fitError(similarityTransform(landmarks, template), landmarks, template),
  };
}

function toRgb(grey: Uint8Array, { width, height }: { width: number; height: number }): Promise<Uint8Array> {
  return sharp(grey, { raw: { width, height, channels: 1 } })
    .toColourspace('srgb')
    .raw()
    .toBuffer();
}

/** Images to pixels: JPEG, PNG, WebP and whatever else sharp (libvips) reads, and BMP. */
import { imageExtension } from '@arcface/recordio';
import type { ImageDecoder } from '@arcface/trainer';
import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { decodeBmp } from './bmp-image.ts';
import { decodePlainJpeg } from './plain-jpeg.ts';

// Images are decoded side by side, each by one thread of libuv's pool: faster for small images than several threads each.
sharp.concurrency(1);
// No image is decoded twice in a row; a cache would only hold memory.
sharp.cache(false);

/**
 * An image as it is shown: JPEGs are turned by what their EXIF data say, as MXNet turns them (through OpenCV, and no other format).
 *
 * @throws {Error} for a damaged BMP at once; what else is damaged shows when it is read
 */
export function openImage(bytes: Uint8Array, options: SharpOptions = {}): Sharp {
  const format = imageExtension(bytes);
  if (format !== 'bmp') return sharp(bytes, { ...options, autoOrient: format === 'jpg' });
  const { data, width, height } = decodeBmp(bytes);
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/**
 * RGB, 8 bits a channel, colours as stored (no colour profile is applied, as in the reference; CMYK becomes RGB by libvips, not as in
 * OpenCV). An image of another size is scaled to cover the one asked for and cut at the centre.
 */
export const sharpDecoder: ImageDecoder = {
  async decode(bytes, { height, width }) {
    const plain = await decodePlainJpeg(bytes, { height, width });
    if (plain !== undefined) return plain;
    const image = openImage(bytes, {
      failOn: 'error',
      sequentialRead: true,
      ignoreIcc: true,
      limitInputPixels: 2 ** 26,
    });
    const { data, info } = await image
      .resize(width, height, { fit: 'cover', kernel: 'cubic', fastShrinkOnLoad: false })
      .toColourspace('srgb')
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    if (info.channels === 3) return data;
    if (info.channels === 1) return greyToRgb(data);
    throw new Error(`decoded to ${info.channels} channels, expected 1 or 3`);
  },
  async recompress(pixels, { height, width }, quality) {
    const jpeg = await sharp(pixels, { raw: { width, height, channels: 3 } })
      .jpeg({ quality })
      .toBuffer();
    return sharp(jpeg).toColourspace('srgb').raw().toBuffer();
  },
};

function greyToRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) rgb.fill(grey[i]!, 3 * i, 3 * i + 3);
  return rgb;
}

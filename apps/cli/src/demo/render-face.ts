/** From the drawing to the bytes of a JPEG, with what a camera adds: exposure, blur, grain, compression. */
import { Random } from '@arcface/trainer';
import sharp from 'sharp';
import { faceSvg } from './face-svg.ts';
import type { Person } from './person.ts';
import type { Photo } from './photo.ts';

/**
 * Renders a photo of a person as a JPEG of `size` x `size` pixels. The same arguments give the same pixels.
 *
 * @param grainSeed what the sensor's noise is drawn from
 */
export async function renderFace(
  person: Person,
  photo: Photo,
  options: { readonly size: number; readonly grainSeed: number },
): Promise<Uint8Array> {
  const { size, grainSeed } = options;
  let image = sharp(Buffer.from(faceSvg(person, photo, size))).removeAlpha();
  const sigma = (photo.blur * size) / 112;
  if (sigma >= 0.3) image = image.blur(sigma);
  if (photo.grey) image = image.greyscale();
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  expose(data, photo, grainSeed);
  const { width, height, channels } = info;
  return sharp(data, { raw: { width, height, channels } }).jpeg({ quality: photo.quality }).toBuffer();
}

/** Brightness and noise, in place. */
function expose(pixels: Uint8Array, { light, grain }: Photo, seed: number): void {
  const random = Random.of(seed, 'grain');
  for (let i = 0; i < pixels.length; i++) {
    const bits = random.uint32();
    // The sum of four bytes is nearly normal: mean 510, standard deviation 147.8.
    const sum = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24);
    const value = pixels[i]! * light.gain + ((sum - 510) / 147.8) * grain;
    pixels[i] = value < 0 ? 0 : value > 255 ? 255 : value + 0.5;
  }
}

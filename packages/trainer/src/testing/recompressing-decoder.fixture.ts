/** A decoder of raw images whose compression takes the quality off every value. A quality above 100 ends the thread. */
import type { ImageDecoder } from '../data/image-decoder.ts';
import { rawDecoder } from './raw-faces.fixture.ts';

export const recompressingDecoder: ImageDecoder = {
  ...rawDecoder,
  async recompress(pixels, _, quality) {
    if (quality > 100) process.exit(3);
    return pixels.map((value) => value - quality);
  },
};

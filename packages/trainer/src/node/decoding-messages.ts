/** What the thread that trains and the one that decodes tell each other. */
import type { ImageAugmentation, ImageSize } from '../data/augmentation.ts';

export type DecodingTask =
  | { readonly kind: 'decode' }
  | { readonly kind: 'augmented'; readonly augmentation: ImageAugmentation }
  | { readonly kind: 'recompress'; readonly quality: number };

export type DecodingRequest = DecodingTask & {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly size: ImageSize;
};

export type DecodingReply =
  | { readonly id: number; readonly pixels: Uint8Array }
  /** `isImages`: the image cannot be decoded; else something is wrong with the decoder. */
  | { readonly id: number; readonly reason: string; readonly isImages: boolean };

/** The first thing a thread says. */
export interface DecodingReady {
  readonly recompresses: boolean;
}

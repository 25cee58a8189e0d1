/**
 * Reads and decodes thumbnails off the main thread. A masked one is made of six by six pixels: the face is not in the page at all.
 */
import type { FaceSource } from './face-source.ts';
import { type ImageReader, openImageReader } from './image-reader.ts';

export type ThumbnailRequest =
  | { readonly kind: 'open'; readonly source: FaceSource }
  | { readonly kind: 'decode'; readonly id: number; readonly key: number | string; readonly masked: boolean };

export interface ThumbnailReply {
  readonly id: number;
  /** Undefined when the image cannot be read. */
  readonly bitmap?: ImageBitmap;
}

/** Side in pixels: sharp on a display with two device pixels a point. */
const SIDE = 176;
const MASKED_SIDE = 6;

let reader: Promise<ImageReader> | undefined;

addEventListener('message', async ({ data }: MessageEvent<ThumbnailRequest>) => {
  if (data.kind === 'open') {
    reader = openImageReader(data.source);
    // Whoever asks for an image hears of it.
    reader.catch(() => {});
    return;
  }
  const { id, key, masked } = data;
  const side = masked ? MASKED_SIDE : SIDE;
  try {
    const image = await (await reader!)(key);
    const bitmap = await createImageBitmap(image, {
      resizeWidth: side,
      resizeHeight: side,
      resizeQuality: 'medium',
    });
    self.postMessage({ id, bitmap } satisfies ThumbnailReply, { transfer: [bitmap] });
  } catch {
    self.postMessage({ id } satisfies ThumbnailReply);
  }
});

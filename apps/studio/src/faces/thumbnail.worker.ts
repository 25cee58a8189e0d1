/**
 * Reads and decodes thumbnails off the main thread. A masked one is made of six by six pixels: the face is not in the page at all.
 */
import type { FaceSource } from './face-source.ts';
import { type ImageReader, openImageReader } from './image-reader.ts';

export type ThumbnailRequest =
  | {
      readonly kind: 'open';
      readonly source: FaceSource;
      /** Side of the thumbnails, pixels. */
      readonly side: number;
      /** Blur them. */
      readonly masked: boolean;
    }
  | { readonly kind: 'decode'; readonly id: number; readonly key: number | string };

export type ThumbnailReply =
  | {
      readonly kind: 'face';
      readonly id: number;
      /** Undefined when the image cannot be read. */
      readonly bitmap?: ImageBitmap;
    }
  /** No image can be read at all. */
  | { readonly kind: 'fault'; readonly message: string };

const MASKED_SIDE = 6;

let reader: Promise<ImageReader> | undefined;
let side = MASKED_SIDE;

addEventListener('message', async ({ data }: MessageEvent<ThumbnailRequest>) => {
  if (data.kind === 'open') {
    side = data.masked ? MASKED_SIDE : data.side;
    reader = openImageReader(data.source);
    reader.catch(({ message }: Error) =>
      self.postMessage({ kind: 'fault', message } satisfies ThumbnailReply),
    );
    return;
  }
  const { id, key } = data;
  try {
    const image = await (await reader!)(key);
    const bitmap = await createImageBitmap(image, {
      resizeWidth: side,
      resizeHeight: side,
      resizeQuality: 'medium',
    });
    self.postMessage({ kind: 'face', id, bitmap } satisfies ThumbnailReply, { transfer: [bitmap] });
  } catch {
    self.postMessage({ kind: 'face', id } satisfies ThumbnailReply);
  }
});

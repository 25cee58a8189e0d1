/**
 * The side of a decoding thread that decodes, `@arcface/trainer/decoding-thread`: apart from the rest of the package, of which such a thread
 * needs nothing, so that it starts at once and stays small.
 */
import { parentPort } from 'node:worker_threads';
import { augmentImage, type ImageDecoder } from '../data/image-decoder.ts';
import { messageOf } from '../training-error.ts';
import type { DecodingReady, DecodingReply, DecodingRequest } from './decoding-messages.ts';

/** In the thread: answers until the thread is closed, and everything that was asked before. */
export function serveDecoder(decoder: ImageDecoder): void {
  const port = parentPort!;
  const work = async (request: DecodingRequest): Promise<DecodingReply> => {
    const { id, bytes, size } = request;
    try {
      if (request.kind === 'recompress') {
        return { id, pixels: copyOf(await decoder.recompress!(bytes, size, request.quality)) };
      }
      const decoded = await decoder.decode(bytes, size).catch((error: unknown) => messageOf(error));
      if (typeof decoded === 'string') return { id, reason: decoded, isImages: true };
      const pixels = copyOf(decoded);
      // What has another size than was asked for is refused by whoever asked.
      if (request.kind === 'augmented' && pixels.length === size.height * size.width * 3) {
        await augmentImage(decoder, pixels, size, request.augmentation);
      }
      return { id, pixels };
    } catch (error) {
      return { id, reason: messageOf(error), isImages: false };
    }
  };
  let unanswered = 0;
  let isClosing = false;
  const closeWhenDone = (): void => {
    if (isClosing && unanswered === 0) port.close();
  };
  port.on('message', async (request: DecodingRequest | 'close') => {
    if (request === 'close') isClosing = true;
    else {
      unanswered++;
      const reply = await work(request);
      port.postMessage(reply, 'pixels' in reply ? [reply.pixels.buffer as ArrayBuffer] : []);
      unanswered--;
    }
    closeWhenDone();
  });
  port.postMessage({ recompresses: decoder.recompress !== undefined } satisfies DecodingReady);
}

/** Decoders hand out memory that cannot always be given to another thread. */
function copyOf(pixels: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(pixels);
}

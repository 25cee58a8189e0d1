/**
 * Images decoded and augmented in a thread of their own, ahead of the step: a step may block the thread that trains for as long as
 * it computes, and what is to follow on a decoded image (a mirror image, colours, JPEG once more) would wait for its end. A thread's
 * script, which is the application's, calls `serveDecoder` with its decoder; `startDecodingThread` starts the thread and gives
 * a decoder that asks it. What comes out does not depend on threads: an image's draws come with it.
 */
import { parentPort, Worker } from 'node:worker_threads';
import type { ImageAugmentation, ImageSize } from '../data/augmentation.ts';
import { augmentImage, type ImageDecoder } from '../data/image-decoder.ts';
import { messageOf, TrainingError } from '../training-error.ts';
import { threadBody } from './thread-body.ts';

/** A running thread that decodes. */
export interface DecodingThread {
  /** For `TrainingRun.decoder` or `DataLoaderOptions.decoder`. It has a `recompress` if the thread's decoder has one. */
  readonly decoder: ImageDecoder;
  /** Lets the thread finish what it was asked for, and ends it. */
  close(): Promise<void>;
}

type Task =
  | { readonly kind: 'decode' }
  | { readonly kind: 'augmented'; readonly augmentation: ImageAugmentation }
  | { readonly kind: 'recompress'; readonly quality: number };

type Request = Task & { readonly id: number; readonly bytes: Uint8Array; readonly size: ImageSize };

type Reply =
  | { readonly id: number; readonly pixels: Uint8Array }
  /** `isImages`: the image cannot be decoded; else something is wrong with the decoder. */
  | { readonly id: number; readonly reason: string; readonly isImages: boolean };

/** The first thing a thread says. */
interface Ready {
  readonly recompresses: boolean;
}

/**
 * Starts the thread and waits until it can decode.
 *
 * @param options.script module that the thread runs
 * @throws {TrainingError} `invalid-decoder` when the script fails or ends
 */
export async function startDecodingThread({ script }: { readonly script: URL }): Promise<DecodingThread> {
  const worker = new Worker(threadBody(script), { eval: true });
  const waiting = new Map<number, { resolve(pixels: Uint8Array): void; reject(error: Error): void }>();
  let failure: TrainingError | undefined;
  let ready = (_: Ready): void => {};
  let refuse = (_: Error): void => {};
  const started = new Promise<Ready>((resolve, reject) => {
    [ready, refuse] = [resolve, reject];
  });
  const fail = (what: string): void => {
    failure ??= new TrainingError('invalid-decoder', `The thread that decodes images ${what}.`);
    refuse(failure);
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  worker.on('message', (message: Reply | Ready) => {
    if (!('id' in message)) return ready(message);
    const { resolve, reject } = waiting.get(message.id)!;
    waiting.delete(message.id);
    if ('pixels' in message) return resolve(message.pixels);
    const { reason, isImages } = message;
    reject(isImages ? new Error(reason) : new TrainingError('invalid-decoder', reason));
  });
  worker.on('error', (error) => fail(`has failed: ${messageOf(error)}`));
  worker.on('exit', () => fail('has ended'));

  let requests = 0;
  const ask = (task: Task, bytes: Uint8Array, size: ImageSize): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      if (failure) return reject(failure);
      const id = requests++;
      waiting.set(id, { resolve, reject });
      // A copy of these bytes alone: they may be a view of a whole block of records, which would be copied with them.
      const own = bytes.slice();
      worker.postMessage({ ...task, id, bytes: own, size } satisfies Request, [own.buffer]);
    });
  const { recompresses } = await started;
  return {
    decoder: {
      decode: (bytes, size) => ask({ kind: 'decode' }, bytes, size),
      decodeAugmented: (bytes, size, augmentation) => ask({ kind: 'augmented', augmentation }, bytes, size),
      ...(recompresses && {
        recompress: (pixels, size, quality) => ask({ kind: 'recompress', quality }, pixels, size),
      }),
    },
    async close() {
      if (failure) return;
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage('close');
      await ended;
    },
  };
}

/** In the thread: answers until the thread is closed. */
export function serveDecoder(decoder: ImageDecoder): void {
  const port = parentPort!;
  const work = async (request: Request): Promise<Reply> => {
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
  port.on('message', async (request: Request | 'close') => {
    if (request === 'close') return port.close();
    const reply = await work(request);
    port.postMessage(reply, 'pixels' in reply ? [reply.pixels.buffer as ArrayBuffer] : []);
  });
  port.postMessage({ recompresses: decoder.recompress !== undefined } satisfies Ready);
}

/** Decoders hand out memory that cannot always be given to another thread. */
function copyOf(pixels: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(pixels);
}

/**
 * Images decoded and augmented in a thread of their own, ahead of the step: a step may block the thread that trains for as long as
 * it computes, and what is to follow on a decoded image (a mirror image, colours, JPEG once more) would wait for its end. A thread's
 * script, which is the application's, calls `serveDecoder` with its decoder; `startDecodingThread` starts the thread and gives
 * a decoder that asks it. What comes out does not depend on threads: an image's draws come with it.
 */
import { Worker } from 'node:worker_threads';
import type { ImageSize } from '../data/augmentation.ts';
import type { ImageDecoder } from '../data/image-decoder.ts';
import { messageOf, TrainingError } from '../training-error.ts';
import type { DecodingReady, DecodingReply, DecodingRequest, DecodingTask } from './decoding-messages.ts';
import { threadBody } from './thread-body.ts';

/** A running thread that decodes. */
export interface DecodingThread {
  /** For `TrainingRun.decoder` or `DataLoaderOptions.decoder`. It has a `recompress` if the thread's decoder has one. */
  readonly decoder: ImageDecoder;
  /** Lets the thread finish what it was asked for, and ends it. */
  close(): Promise<void>;
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
  let ready = (_: DecodingReady): void => {};
  let refuse = (_: Error): void => {};
  const started = new Promise<DecodingReady>((resolve, reject) => {
    [ready, refuse] = [resolve, reject];
  });
  const fail = (what: string): void => {
    failure ??= new TrainingError('invalid-decoder', `The thread that decodes images ${what}.`);
    refuse(failure);
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  worker.on('message', (message: DecodingReply | DecodingReady) => {
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
  const ask = (task: DecodingTask, bytes: Uint8Array, size: ImageSize): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      if (failure) return reject(failure);
      const id = requests++;
      waiting.set(id, { resolve, reject });
      // A copy of these bytes alone: they may be a view of a whole block of records, which would be copied with them.
      const own = bytes.slice();
      worker.postMessage({ ...task, id, bytes: own, size } satisfies DecodingRequest, [own.buffer]);
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

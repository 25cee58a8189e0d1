/**
 * Batches embedded in several threads at a time. A small network's operators are too short to be divided among cores: two threads with
 * a batch each embed a seventh more (MobileFaceNet, two cores) than both at one batch. A thread's script, which is the application's, binds
 * TensorFlow.js to a backend and calls `serveEmbedder` with its network; `startEmbeddingThreads` starts the threads and gives an embedder
 * that asks them.
 */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import type { Embedder } from '../embedding/embedder.ts';
import { messageOf, TrainingError } from '../training-error.ts';
import { threadBody } from './thread-body.ts';

/** Running threads that embed. */
export interface EmbeddingThreads extends Embedder {
  /** Ends the threads. They end with the process, too. */
  close(): Promise<void>;
}

interface Request {
  readonly id: number;
  readonly pixels: Uint8Array;
  readonly batch: number;
}

type Reply = { readonly id: number } & ({ readonly rows: Float32Array } | { readonly reason: string });

/** What a thread says when it can embed. */
type Ready = Pick<Embedder, 'inputShape' | 'embeddingSize'>;

/**
 * Starts the threads and waits until they can embed.
 *
 * @param options.script module that each thread runs. @param options.data what it finds as {@link embedderData}
 * @throws {TrainingError} `embedding-failed` when a script fails or ends
 */
export async function startEmbeddingThreads(options: {
  readonly size: number;
  readonly script: URL;
  readonly data?: unknown;
}): Promise<EmbeddingThreads> {
  const threads = Array.from(
    { length: options.size },
    () => new EmbeddingThread(options.script, options.data),
  );
  const close = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.close()));
  };
  try {
    const [first] = await Promise.all(threads.map(({ ready }) => ready));
    return {
      ...first!,
      batchesAtOnce: threads.length,
      embed(pixels, batch) {
        const idlest = threads.reduce((least, thread) => (thread.waiting < least.waiting ? thread : least));
        return idlest.embed(pixels, batch);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

class EmbeddingThread {
  readonly ready: Promise<Ready>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(rows: Float32Array): void; reject(error: Error): void }>();
  #failure: TrainingError | undefined;
  #requests = 0;

  constructor(script: URL, data: unknown) {
    this.#worker = new Worker(threadBody(script), { eval: true, workerData: data });
    this.ready = new Promise((resolve, reject) => {
      const fail = (what: string): void => {
        this.#failure ??= new TrainingError('embedding-failed', `A thread that embeds ${what}.`);
        reject(this.#failure);
        for (const request of this.#waiting.values()) request.reject(this.#failure);
        this.#waiting.clear();
      };
      this.#worker.on('message', (message: Reply | Ready) => {
        if ('id' in message) return this.#take(message);
        // From here on the thread keeps the process only while it has something to do.
        this.#worker.unref();
        resolve(message);
      });
      this.#worker.on('error', (error) => fail(`has failed: ${messageOf(error)}`));
      this.#worker.on('exit', () => fail('has ended'));
    });
  }

  /** Batches that it was given and has not embedded. */
  get waiting(): number {
    return this.#waiting.size;
  }

  embed(pixels: Uint8Array, batch: number): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const id = this.#requests++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
      const own = pixels.slice();
      this.#worker.postMessage({ id, pixels: own, batch } satisfies Request, [own.buffer]);
    });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #take(reply: Reply): void {
    const { resolve, reject } = this.#waiting.get(reply.id)!;
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if ('rows' in reply) resolve(reply.rows);
    else reject(new TrainingError('embedding-failed', reply.reason));
  }
}

/** In an embedding thread: what `startEmbeddingThreads` was given as `data`. */
export function embedderData(): unknown {
  return workerData;
}

/** In an embedding thread: embeds what it is given until the thread is ended. The backend must be set. */
export function serveEmbedder({ inputShape, embeddingSize, embed }: Embedder): void {
  const port = parentPort!;
  port.on('message', async ({ id, pixels, batch }: Request) => {
    try {
      // A copy: a backend may own the memory that it gives.
      const rows = Float32Array.from(await embed(pixels, batch));
      port.postMessage({ id, rows } satisfies Reply, [rows.buffer]);
    } catch (error) {
      port.postMessage({ id, reason: messageOf(error) } satisfies Reply);
    }
  });
  port.postMessage({ inputShape, embeddingSize } satisfies Ready);
}

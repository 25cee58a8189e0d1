/**
 * Work ahead of the consumer, in order and within bounds. Reading and decoding images takes time that a training step
 * can hide, if the next images are being prepared while it computes; but a fast disk must not fill the memory either.
 */

/** Bounds of {@link prefetch}. */
export interface PrefetchOptions {
  /** Results that may be finished or in the making beyond the one that is being consumed. At least 1. */
  readonly ahead: number;
  /** Tasks that may run at once. At least 1. */
  readonly concurrency: number;
  /** Number of the first task. Default 0. */
  readonly from?: number;
  /** One past the last task. Default: none, the sequence never ends. */
  readonly to?: number;
}

/**
 * Runs `task(from)`, `task(from + 1)`, ... at most `concurrency` at once and at most `ahead` before their turn, and
 * yields their results in order. What is yielded depends on the tasks only, never on which finishes first.
 *
 * A task that rejects makes the generator throw when its turn comes. Once the consumer stops, no further task starts.
 */
export async function* prefetch<T>(
  task: (index: number) => Promise<T>,
  { ahead, concurrency, from = 0, to = Number.POSITIVE_INFINITY }: PrefetchOptions,
): AsyncGenerator<T, void, undefined> {
  const queue: Promise<T>[] = [];
  const waiting: (() => void)[] = [];
  let running = 0;
  let stopped = false;
  let next = from;

  const start = async (index: number): Promise<T> => {
    if (running >= concurrency) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    // Whoever finishes hands its place on, so `running` counts places that are taken.
    try {
      if (stopped) throw new Error('The consumer of the prefetched results has stopped.');
      return await task(index);
    } finally {
      const wake = waiting.shift();
      if (wake) wake();
      else running--;
    }
  };
  const fill = (): void => {
    while (queue.length < ahead && next < to) {
      const result = start(next++);
      // Its turn may come after another one has thrown, or never; that must not be an unhandled rejection.
      result.catch(() => {});
      queue.push(result);
    }
  };

  try {
    fill();
    for (let result = queue.shift(); result !== undefined; result = queue.shift()) {
      fill();
      yield await result;
    }
  } finally {
    stopped = true;
    // Whoever is being read from (a file, a dataset) may be closed as soon as the consumer has returned.
    await Promise.allSettled(queue);
  }
}

/** An embedding thread in the tests of them: embeds by arithmetic, or does what it is told that goes wrong. */
import { threadId } from 'node:worker_threads';
import { embedderData, serveEmbedder } from './embedding-threads.ts';

const { mischief } = embedderData() as { readonly mischief?: 'on start' | 'on work' | 'exit' };
if (mischief === 'on start') throw new RangeError('no such network');

serveEmbedder({
  inputShape: [1, 2, 3],
  embeddingSize: 2,
  async embed(pixels, batch) {
    if (mischief === 'exit') process.exit(1);
    if (mischief === 'on work') throw new RangeError('no memory');
    const size = pixels.length / batch;
    return Float32Array.from({ length: 2 * batch }, (_, i) =>
      i % 2 === 0 ? pixels[(i / 2) * size]! : threadId,
    );
  },
});

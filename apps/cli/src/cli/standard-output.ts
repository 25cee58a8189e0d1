/** Much output, or bytes, to stdout: as fast as whoever reads takes it, and quietly over when they leave (`| head`). */
import { once } from 'node:events';

let watched = false;

/** Writes to stdout, and waits while the reader has not caught up. */
export async function writeOut(chunk: string | Uint8Array): Promise<void> {
  if (!watched) {
    watched = true;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit();
      throw error;
    });
  }
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
}

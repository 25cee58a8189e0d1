/** The standard streams when whoever reads them leaves (`| head`), or when their disk is full (`> file`). */
import { once } from 'node:events';

/**
 * What a process does about it. Without a reader of its results it ends, and quietly: what is written to files is in place by
 * then. Without a reader of its news it goes on.
 */
export function watchStandardStreams(): void {
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    process.stderr.write(`error: The result cannot be written to standard output: ${error.message}\n`);
    process.exit(1);
  });
}

/** Much output, or bytes: as fast as whoever reads takes it. */
export async function writeOut(chunk: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
}

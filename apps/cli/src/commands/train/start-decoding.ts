/** Starts the thread in which images are decoded and augmented. */
import { type DecodingThread, startDecodingThread } from '@arcface/trainer/node';

/** From the sources the thread runs the source, from a build what was built. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './decoding-thread.ts' : './decoding-thread.js',
  import.meta.url,
);

export function startDecoding(): Promise<DecodingThread> {
  return startDecodingThread({ script: SCRIPT });
}

/**
 * Lets everything else have a turn. A step may block the thread for as long as it computes (ONNX Runtime's binding does);
 * files and decoders work on in their own threads meanwhile, but what is to follow on a finished read, the decoding, only
 * starts when the event loop runs. One turn before a step hands them enough to do during it.
 */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => nextTurn(resolve));
}

// A timer waits for a millisecond at least, which is much beside a small batch; browsers have nothing else that every one has.
const { setImmediate: nextTurn = (callback: () => void) => setTimeout(callback, 0) } = globalThis as {
  readonly setImmediate?: (callback: () => void) => unknown;
};

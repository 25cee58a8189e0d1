import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { INTERRUPTED, interruptSignal, releaseInterrupt } from './interrupt.ts';

let exit: ReturnType<typeof vi.fn>;
beforeEach(() => {
  exit = vi.fn();
  vi.spyOn(process, 'exit').mockImplementation(exit as never);
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(() => {
  releaseInterrupt();
  vi.restoreAllMocks();
});

/** Presses Ctrl-C at these milliseconds. */
function press(...times: number[]): void {
  for (const time of times) {
    vi.spyOn(performance, 'now').mockReturnValue(time);
    process.emit('SIGINT');
  }
}

it('takes what comes at once for the same press: the terminal sends it, and whoever started this process does, too', () => {
  const signal = interruptSignal();
  press(1000, 1001, 1040);
  expect(signal.aborted).toBe(true);
  expect(exit).not.toHaveBeenCalled();
});

it('ends the process at the second press', () => {
  interruptSignal();
  press(1000, 1001, 1500);
  expect(exit).toHaveBeenCalledExactlyOnceWith(INTERRUPTED);
});

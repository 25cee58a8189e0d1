/** Ctrl-C while a command runs. */

/** Exit code of a process that Ctrl-C ended, as shells have it. */
export const INTERRUPTED = 130;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Milliseconds within which a second signal is the same press of Ctrl-C: a terminal sends it to every process in front of it, and
 * those that started this one (npm, pnpm, the restart for large pages) hand theirs on as well.
 */
const SAME_PRESS = 100;

let controller: AbortController | undefined;
let firstPress = 0;

/** A signal that the first Ctrl-C (or SIGTERM) aborts; the second one ends the process at once. */
export function interruptSignal(): AbortSignal {
  if (controller === undefined) {
    controller = new AbortController();
    for (const name of SIGNALS) process.on(name, interrupt);
  }
  return controller.signal;
}

/** Gives Ctrl-C its usual meaning back: when a command has ended, in a program that goes on. */
export function releaseInterrupt(): void {
  controller = undefined;
  for (const name of SIGNALS) process.off(name, interrupt);
}

function interrupt(): void {
  if (controller?.signal.aborted) {
    if (performance.now() - firstPress > SAME_PRESS) process.exit(INTERRUPTED);
    return;
  }
  firstPress = performance.now();
  process.stderr.write('\nstopping; press Ctrl-C again to stop at once\n');
  controller?.abort(new DOMException('Interrupted', 'AbortError'));
}

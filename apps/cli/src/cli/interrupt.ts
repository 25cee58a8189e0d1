/** Ctrl-C, once for all commands. */
let controller: AbortController | undefined;

/** Exit code of a process that Ctrl-C ended, as shells have it. */
export const INTERRUPTED = 130;

/** A signal that the first Ctrl-C (or SIGTERM) aborts; the second one ends the process at once. */
export function interruptSignal(): AbortSignal {
  if (controller !== undefined) return controller.signal;
  const first = new AbortController();
  controller = first;
  const interrupt = () => {
    if (first.signal.aborted) process.exit(INTERRUPTED);
    process.stderr.write('\nstopping; press Ctrl-C again to stop at once\n');
    first.abort(new DOMException('Interrupted', 'AbortError'));
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  return first.signal;
}

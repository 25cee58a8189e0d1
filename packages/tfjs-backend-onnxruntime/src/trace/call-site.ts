// Where in a program a kernel was called: the first line of the stack that is neither tfjs's nor this package's.

import { fileURLToPath } from 'node:url';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));

/** `at f (file:line:column)`, or null when there is only library code on the stack. */
export function callSiteOf(kernel: string): string | null {
  const { stackTraceLimit } = Error;
  // A gradient is called some twenty calls below the line that asked for it.
  Error.stackTraceLimit = 40;
  const stack = new Error(kernel).stack ?? '';
  Error.stackTraceLimit = stackTraceLimit;
  for (const line of stack.split('\n').slice(1)) {
    // This package's tests stand beside its code and are programs that use it.
    const isOurs = line.includes(packageRoot) && !line.includes('.test.ts');
    if (!isOurs && !line.includes('@tensorflow') && !line.includes('node:')) return line.trim();
  }
  return null;
}

/** The command line cannot mean anything: an option is missing, or two contradict each other. Ends with exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command cannot do what it was asked to, and says why and what to do. Ends with exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

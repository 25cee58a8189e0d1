/** What went wrong, for programs; the message says it for people. */
export type MpiErrorCode =
  /** No MPI library was found, or it cannot be loaded. */
  | 'no-library'
  /** The library is of an MPI whose handles are not known here. */
  | 'unknown-library'
  /** The process was not started by `mpirun` or anything like it. */
  | 'not-launched'
  /** An option has a value that cannot work. */
  | 'invalid-option'
  /** MPI itself has reported an error. */
  | 'mpi-failed'
  /** Ranks have called different operations, or with different lengths. */
  | 'out-of-step'
  /** A rank gives no sign of life, or does not come to where the others wait for it. */
  | 'rank-silent';

/** The one error class of this package. */
export class MpiError extends Error {
  override readonly name = 'MpiError';
  readonly code: MpiErrorCode;

  constructor(code: MpiErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.code = code;
  }
}

/** The backend that the kernels are for has registered no kernels yet: its package must be loaded first. */
export type TrainingKernelsErrorCode = 'backend-missing';

/** Thrown by this package only. */
export class TrainingKernelsError extends Error {
  override readonly name = 'TrainingKernelsError';

  readonly code: TrainingKernelsErrorCode;

  constructor(code: TrainingKernelsErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What went wrong, for programs; the message says it for people. */
export type TrainingKernelsErrorCode =
  /** The backend that the kernels are for has registered no kernels yet: load its package first. */
  | 'backend-missing'
  /** The shapes of an operation's tensors, or the groups that it is to cut them into, do not fit together. */
  | 'shape-mismatch'
  /** Images channels first where TensorFlow takes them channels last only: transpose them. */
  | 'unsupported-layout';

/** Thrown by this package only. */
export class TrainingKernelsError extends Error {
  override readonly name = 'TrainingKernelsError';

  readonly code: TrainingKernelsErrorCode;

  constructor(code: TrainingKernelsErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

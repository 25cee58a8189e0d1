/** What went wrong, for programs; the message says it for people. */
export type AlignmentErrorCode =
  /** An option that this package cannot work with, such as a size of no pixels. */
  | 'invalid-option'
  /** Landmarks that are not five pairs of finite numbers, or that all lie on one spot. */
  | 'invalid-landmarks'
  /** Pixels that do not fill the size that the image is said to have. */
  | 'invalid-image';

/** The one error class of this package. */
export class AlignmentError extends Error {
  override readonly name = 'AlignmentError';
  readonly code: AlignmentErrorCode;

  constructor(code: AlignmentErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What went wrong, for programs; the message says it for people. */
export type SubcenterLossErrorCode =
  | 'invalid-option'
  | 'shape-mismatch'
  | 'dtype-mismatch'
  | 'label-out-of-range'
  | 'communication-failed';

/** The one error class of this package. */
export class SubcenterLossError extends Error {
  override readonly name = 'SubcenterLossError';
  readonly code: SubcenterLossErrorCode;

  constructor(code: SubcenterLossErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

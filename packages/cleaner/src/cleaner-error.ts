/** What went wrong, for programs; the message says it for people. */
export type CleanerErrorCode =
  | 'invalid-option'
  | 'shape-mismatch'
  | 'not-finite'
  | 'invalid-label'
  | 'identity-mismatch'
  | 'subcenters-mismatch'
  | 'class-order'
  | 'too-few-identities'
  | 'scores-missing'
  | 'invalid-decision'
  | 'invalid-audit';

/** The one error class of this package. */
export class CleanerError extends Error {
  override readonly name = 'CleanerError';
  readonly code: CleanerErrorCode;

  constructor(code: CleanerErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

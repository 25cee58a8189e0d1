/** What went wrong, for programs; the message says it for people. */
export type CleanerErrorCode =
  /** An option out of its range, or two that contradict each other. The message says what is allowed. */
  | 'invalid-option'
  /** Arrays that do not belong together: as many labels as embeddings, `dimensions` numbers a row. */
  | 'shape-mismatch'
  /** NaN or infinity among embeddings or weights. Look for images that could not be decoded, or for a run that diverged. */
  | 'not-finite'
  /** A label that is negative or belongs to no identity. Number identities from 0. */
  | 'invalid-label'
  /** Identities and labels that contradict each other: an image listed under another label than its own, or not at all. */
  | 'identity-mismatch'
  /** Sub-centre weights of another number of classes, sub-centres or dimensions than said. Give the `k` of the training. */
  | 'subcenters-mismatch'
  /** It is not known whether row c of the weights is label c or the c-th identity, and it matters here. Say which: `classOrder`. */
  | 'class-order'
  /** The automatic rule compares people with each other, so it needs two of them with images. Use `angle`. */
  | 'too-few-identities'
  /** The rule, or a proposal, needs what the audit was not given. The message names the function that adds it. */
  | 'scores-missing'
  /** A person's decision about a key that is not there, or a new label that is none. Correct the file. */
  | 'invalid-decision'
  /** Rows of an audit that contradict each other, or lack what deciding needs. Make the audit again. */
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

/** What went wrong, for programs; the message says it for people. */
export type SubcenterLossErrorCode =
  /** An option out of its range. The message says what is allowed. */
  | 'invalid-option'
  /** Embeddings must be [B, embeddingSize] and labels [B]; the message says what was found. */
  | 'shape-mismatch'
  /** Embeddings must be float32, labels whole numbers. */
  | 'dtype-mismatch'
  /** A label that is not from 0 to classes - 1. Make the head for as many identities as the data has. */
  | 'label-out-of-range'
  /** Ranks could not exchange: one has ended, or they disagree on what is exchanged. The first error of any rank is the one to look at. */
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

/**
 * What can go wrong in this package, as one class. `code` is for programs; the message is for people and says what was
 * expected, what was found, where, and what to do.
 */
export type TrainingErrorCode =
  /** An option has a value that cannot work. */
  | 'invalid-option'
  /** The dataset cannot be trained on as it is: empty, labels out of range, a class without image, ... */
  | 'invalid-dataset'
  /** The dataset has fewer (decodable) images than one batch takes. */
  | 'batch-too-large'
  /** Not one image of the dataset could be decoded. */
  | 'nothing-decodable'
  /** A decoder broke its contract, for example by returning too few bytes. */
  | 'invalid-decoder'
  /** A network gives something else than a row of numbers an image. */
  | 'invalid-embedder'
  /** A thread that embeds has failed. */
  | 'embedding-failed'
  /** The active TensorFlow.js backend has no gradients registered. */
  | 'no-gradients'
  /** A trainable parameter got no gradient, or tensors do not fit the parameters they are for. */
  | 'parameter-mismatch'
  /** One of the ranks of a run has failed. */
  | 'rank-failed'
  /** A step does not fit into the memory that there is. */
  | 'out-of-memory'
  /** The loss became NaN or infinite; `keys` names the batch. */
  | 'non-finite-loss'
  /** A checkpoint is cut short, altered, or not a checkpoint at all. */
  | 'checkpoint-damaged'
  /** A checkpoint was written by a later, incompatible version. */
  | 'checkpoint-version'
  /** A run cannot go on with options, data or a network other than it was started with. */
  | 'resume-mismatch'
  /** A new run was given a store that holds the checkpoints of another. */
  | 'store-not-empty'
  /** A file could not be written: the disk is full, say. What was there before is intact. */
  | 'not-written'
  /** Pairs or embeddings that cannot be verified: sizes that disagree, only one kind of pair, ... */
  | 'invalid-pairs';

/** Details that some codes carry beside the message. */
export interface TrainingErrorOptions extends ErrorOptions {
  /** Keys of the records concerned, in batch order. */
  readonly keys?: readonly (number | string)[] | undefined;
}

/** The error class of `@arcface/trainer`. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError';
  readonly code: TrainingErrorCode;
  /** Keys of the records concerned (`non-finite-loss`: the batch's; `nothing-decodable`: those that were tried). */
  readonly keys: readonly (number | string)[];

  constructor(code: TrainingErrorCode, message: string, options: TrainingErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.keys = options.keys ?? [];
  }
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

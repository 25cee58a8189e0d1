/**
 * What can be wrong with the files this package reads and writes, as one error class whose `code` tells which.
 *
 * The same codes name the faults that {@link verifyRecords} lists, so a message, a report and a `catch` speak alike.
 */
export type RecordIOErrorCode =
  // record framing
  | 'bad-magic'
  | 'bad-part-flag'
  | 'unexpected-part'
  | 'unfinished-record'
  | 'truncated-frame'
  | 'truncated-payload'
  | 'truncated-padding'
  | 'truncated-record'
  | 'length-past-end'
  | 'bad-length'
  | 'trailing-bytes'
  | 'empty-file'
  | 'record-too-large'
  // image record headers
  | 'bad-image-header'
  | 'bad-label'
  | 'bad-id'
  // indexes, lists, properties
  | 'index-syntax'
  | 'index-duplicate-key'
  | 'index-past-end'
  | 'index-not-a-record'
  | 'index-incomplete'
  | 'list-syntax'
  | 'property-syntax'
  // datasets
  | 'empty-dataset'
  | 'missing-header-record'
  | 'missing-record'
  | 'bad-identity-range'
  | 'label-not-contiguous'
  | 'duplicate-key'
  | 'path-outside'
  | 'closed'
  // verification packs
  | 'pickle-truncated'
  | 'pickle-unsupported'
  | 'pickle-malformed'
  | 'pack-malformed'
  // sources and sinks
  | 'not-found'
  | 'not-a-dataset'
  | 'read-failed'
  | 'write-failed'
  | 'output-exists';

/** Where an error happened, as far as it is known. */
export interface RecordIOErrorPlace {
  /** Byte offset in the file that is at fault. */
  readonly offset?: number | undefined;
  /** Record key or image path. */
  readonly key?: number | string | undefined;
  /** File or address at fault. */
  readonly path?: string | undefined;
  /** The error underneath. */
  readonly cause?: unknown;
}

/** Every error this package throws on purpose, apart from `RangeError` and `TypeError` for wrong calls. */
export class RecordIOError extends Error {
  override readonly name = 'RecordIOError';
  readonly code: RecordIOErrorCode;
  readonly offset: number | undefined;
  readonly key: number | string | undefined;
  readonly path: string | undefined;

  constructor(code: RecordIOErrorCode, message: string, place: RecordIOErrorPlace = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause });
    this.code = code;
    this.offset = place.offset;
    this.key = place.key;
    this.path = place.path;
  }
}

/** Tells a {@link RecordIOError} from any other, across copies of this package, optionally of given codes only. */
export function isRecordIOError(
  error: unknown,
  ...codes: readonly RecordIOErrorCode[]
): error is RecordIOError {
  return (
    error instanceof Error &&
    error.name === 'RecordIOError' &&
    'code' in error &&
    (codes.length === 0 || codes.includes(error.code as RecordIOErrorCode))
  );
}

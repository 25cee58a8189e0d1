/**
 * What can be wrong with the files this package reads and writes, as one error class whose `code` tells which.
 *
 * The same codes name the faults that {@link verifyRecords} lists, so a message, a report and a `catch` speak alike.
 */
export type RecordIOErrorCode =
  // record framing
  /** Bytes where a record should begin are no record: the file is damaged, or no RecordIO. `arcface rec repair` writes what is whole. */
  | 'bad-magic'
  /** A part of a long record has a flag that does not exist. Repair as above. */
  | 'bad-part-flag'
  /** A middle or last part of a record without its beginning. Repair as above. */
  | 'unexpected-part'
  /** A record of several parts whose last part is missing. Repair as above. */
  | 'unfinished-record'
  /** The file ends within the eight bytes ahead of a record: it was cut short, so copy it again or repair it. */
  | 'truncated-frame'
  /** The file ends within the bytes of a record: it was cut short, so copy it again or repair it. */
  | 'truncated-payload'
  /** The file ends within the padding behind a record. Nothing is lost; repairing mends it. */
  | 'truncated-padding'
  /** The file ends between the parts of a record: it was cut short, so copy it again or repair it. */
  | 'truncated-record'
  /** A record says that it is longer than the rest of the file: damaged there, or cut short. */
  | 'length-past-end'
  /** A record says that it is so long that another one starts within it. Damaged there; repair as above. */
  | 'bad-length'
  /** Bytes behind the last record that are no record. Repairing leaves them out. */
  | 'trailing-bytes'
  /** A file of no bytes. Write it again. */
  | 'empty-file'
  /** A record longer than the format can hold. Store a smaller image. */
  | 'record-too-large'
  // image record headers
  /** A record too short for the header of an image: the file holds something else than images. Look with `arcface rec ls --raw`. */
  | 'bad-image-header'
  /** A label that is no whole number, or past 2^24 and so not exact in a record. Number identities from 0. */
  | 'bad-label'
  /** An id that does not fit its field of 64 bits. */
  | 'bad-id'
  // indexes, lists, properties
  /** A line of the `.idx` is not `key<TAB>offset`. Make it again: `arcface rec index`. */
  | 'index-syntax'
  /** Two lines of the `.idx` have one key. Make it again: `arcface rec index`. */
  | 'index-duplicate-key'
  /** The `.idx` points behind the end of the `.rec`: they do not belong together, or the `.rec` was cut short. */
  | 'index-past-end'
  /** The `.idx` points into the middle of something: it belongs to another `.rec`. Make it again: `arcface rec index`. */
  | 'index-not-a-record'
  /** The `.idx` lacks records of the `.rec`. Make it again: `arcface rec index`. */
  | 'index-incomplete'
  /** A line of a `.lst` is not `index<TAB>label<TAB>path`. */
  | 'list-syntax'
  /** The `property` file is not `identities,height,width`, or the file of identities' names is not an object of names by label. */
  | 'property-syntax'
  // datasets
  /** No image in it. A folder of folders has a folder for each identity, with images in it. */
  | 'empty-dataset'
  /** The InsightFace layout needs record 0, which says where identities are. Open it with layout `flat`, or write it again. */
  | 'missing-header-record'
  /** A key that an identity lists has no record. The `.idx` or the `.rec` is incomplete. */
  | 'missing-record'
  /** Identity records whose ranges of keys overlap, leave an image out or join labels: open it with layout `flat`. When writing: more keys than float32 holds exactly (2^24); write `flat`. */
  | 'bad-identity-range'
  /** The InsightFace layout needs the images of an identity next to each other. Write through `arcface rec pack`, which sorts. */
  | 'label-not-contiguous'
  /** Two images have one key. Keys must be unique: pack again. */
  | 'duplicate-key'
  /** A path in a list leads out of its folder. It is not followed; correct the list. */
  | 'path-outside'
  /** Read after `close()`. Keep the dataset open for as long as it is read. */
  | 'closed'
  // verification packs
  /** A verification pack (`.bin`) ends too early: copy it again. */
  | 'pickle-truncated'
  /** A verification pack uses a part of pickle that images and booleans do not need; nothing of it is executed. Save it again as the reference does. */
  | 'pickle-unsupported'
  /** A verification pack that is no pickle. Check that the file is what its name says. */
  | 'pickle-malformed'
  /** A pickle, but not two images for every pair and a list of booleans. */
  | 'pack-malformed'
  // sources and sinks
  /** No such file or folder. Check the path. */
  | 'not-found'
  /** A file or folder that is none of the forms of a dataset: a `.rec`, a folder with one, a folder of folders, a `.lst`. */
  | 'not-a-dataset'
  /** The operating system or server could not read; its own words are in the message and in `cause`. */
  | 'read-failed'
  /** The operating system could not write (a full disk, no permission); nothing was put in place. Make room and run again. */
  | 'write-failed'
  /** The output has something in it. Choose another, or ask for it to be replaced. */
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

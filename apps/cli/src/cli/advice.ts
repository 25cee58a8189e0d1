/** What to do about errors that say only what has happened: those of the operating system, and damage to a record file. */
import { isRecordIOError, type RecordIOErrorCode } from '@arcface/recordio';

const OF_THE_SYSTEM: Readonly<Record<string, string>> = {
  ENOSPC:
    'The disk is full. Nothing half-written was put in place; make room and run again (--resume goes on, where there is one).',
  EDQUOT:
    'Your quota of disk space is used up. Make room and run again (--resume goes on, where there is one).',
  EACCES: 'You may not read or write there. Change the permissions, or choose another place.',
  EROFS: 'That file system is read-only. Choose another place.',
  EMFILE: 'Too many files are open. Raise the limit: ulimit -n 4096.',
};

/** A file that was cut short or altered; what is whole in it can be saved. */
const DAMAGE: readonly RecordIOErrorCode[] = [
  'bad-magic',
  'bad-part-flag',
  'unexpected-part',
  'unfinished-record',
  'truncated-frame',
  'truncated-payload',
  'truncated-padding',
  'truncated-record',
  'length-past-end',
  'bad-length',
  'trailing-bytes',
];
const REPAIR =
  'The file is damaged: copy it again, or save what is whole with `arcface rec repair FILE --output FOLDER`.';

/** An index that is not its file's. */
const OTHER_INDEX: readonly RecordIOErrorCode[] = [
  'index-syntax',
  'index-duplicate-key',
  'index-past-end',
  'index-not-a-record',
  'index-incomplete',
];
const NEW_INDEX =
  'If the .rec is whole (`arcface rec verify FILE --no-index`), make its index again: `arcface rec index FILE --overwrite`.';

/** Identity records that do not fit the images, which have labels of their own. */
const OTHER_IDENTITIES: readonly RecordIOErrorCode[] = [
  'missing-header-record',
  'missing-record',
  'bad-identity-range',
];
const BY_OWN_LABELS =
  'To have the images by their own labels: `arcface rec pack FILE --input-layout flat --output FOLDER`.';

/** The message of whatever was thrown, with what to do behind it where that can be said. */
export function messageWithAdvice(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const advice = recordsAdvice(error) ?? systemAdvice(error);
  return advice === undefined ? error.message : `${error.message.replace(/\.$/, '')}. ${advice}`;
}

function recordsAdvice(error: Error): string | undefined {
  if (isRecordIOError(error, ...DAMAGE)) return REPAIR;
  if (isRecordIOError(error, ...OTHER_INDEX)) return NEW_INDEX;
  return isRecordIOError(error, ...OTHER_IDENTITIES) ? BY_OWN_LABELS : undefined;
}

/** Node says of a folder that is made with those above it that something is not there, where a file system is read-only. */
const NO_FOLDER = /ENOENT: .*, mkdir /;

function systemAdvice(error: NodeJS.ErrnoException): string | undefined {
  if (NO_FOLDER.test(error.message))
    return 'No folder can be made there, as on a file system that is read-only. Choose another place.';
  const code = Object.keys(OF_THE_SYSTEM).find(
    (name) => error.code === name || error.message.includes(`${name}:`),
  );
  return code === undefined ? undefined : OF_THE_SYSTEM[code];
}

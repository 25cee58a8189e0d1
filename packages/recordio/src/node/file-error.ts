/** What the operating system says of a file, as an error of this package. */
import { RecordIOError, type RecordIOErrorCode } from '../errors.ts';

/** Wraps an error of the operating system, with its own words kept. A missing file always has code `not-found`. */
export function fileError(
  code: RecordIOErrorCode,
  what: string,
  path: string,
  cause: unknown,
): RecordIOError {
  const missing = systemCode(cause) === 'ENOENT';
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new RecordIOError(missing ? 'not-found' : code, `${what}: ${reason}`, { path, cause });
}

/** The operating system's name for an error (`ENOENT`, `ENOSPC`, ...), if it has one. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

import { isRecordIOError } from '@arcface/recordio';
import { CommandError } from '../../cli/usage-error.ts';

/** Tells of `--raw` whoever runs into a record that has no image header. */
export function hintAtRaw(error: unknown): unknown {
  if (!isRecordIOError(error, 'bad-image-header')) return error;
  return new CommandError(`${error.message}. With --raw payloads are taken as they are.`);
}

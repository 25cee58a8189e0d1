import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { RecordIOError } from '@arcface/recordio';
import { expect, test } from 'vitest';
import { messageWithAdvice } from './advice.ts';

test.skipIf(!existsSync('/dev/full'))('a full disk (needs /dev/full, which Linux has)', async () => {
  const error = await writeFile('/dev/full', 'x').catch((error: unknown) => error);
  expect(messageWithAdvice(error)).toMatch(/ENOSPC.*disk is full.*make room/);
  const wrapped = new RecordIOError('write-failed', `Cannot write faces: ${(error as Error).message}`, {
    cause: error,
  });
  expect(messageWithAdvice(wrapped)).toMatch(/Cannot write faces.*make room/);
});

test('a folder on a read-only file system, of which Node says that it is not there', () => {
  const error = new Error("ENOENT: no such file or directory, mkdir '/media/cd/run'");
  expect(messageWithAdvice(error)).toMatch(
    /mkdir '\/media\/cd\/run'\. No folder can be made there.*another place/,
  );
});

test('a damaged file', () => {
  const error = new RecordIOError('truncated-payload', 'train.rec: the record at byte 7 is cut short', {
    offset: 7,
  });
  expect(messageWithAdvice(error)).toMatch(/at byte 7 is cut short\. The file is damaged.*rec repair/);
  expect(messageWithAdvice(new RecordIOError('empty-dataset', 'There is no image'))).toBe(
    'There is no image',
  );
});

test('an index of another file, and identity records that do not fit, say what goes around them', () => {
  const index = new RecordIOError('index-duplicate-key', 'train.idx: Key 7 is in the index twice', {
    key: 7,
  });
  expect(messageWithAdvice(index)).toMatch(/twice\. .*arcface rec index FILE --overwrite/);
  const identities = new RecordIOError('bad-identity-range', 'train.rec: Record 9 has labels 1 and 2');
  expect(messageWithAdvice(identities)).toMatch(
    /1 and 2\. .*rec pack FILE --input-layout flat --output FOLDER/,
  );
});

test('any other error speaks for itself', () => {
  expect(messageWithAdvice(new Error('as it is'))).toBe('as it is');
  expect(messageWithAdvice('not even an error')).toBe('not even an error');
});

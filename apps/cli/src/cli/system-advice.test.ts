import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { RecordIOError } from '@arcface/recordio';
import { expect, test } from 'vitest';
import { messageWithAdvice } from './system-advice.ts';

test.skipIf(!existsSync('/dev/full'))('a full disk (needs /dev/full, which Linux has)', async () => {
  const error = await writeFile('/dev/full', 'x').catch((error: unknown) => error);
  expect(messageWithAdvice(error)).toMatch(/ENOSPC.*disk is full.*make room/);
  const wrapped = new RecordIOError('write-failed', `Cannot write faces: ${(error as Error).message}`, {
    cause: error,
  });
  expect(messageWithAdvice(wrapped)).toMatch(/Cannot write faces.*make room/);
});

test('any other error speaks for itself', () => {
  expect(messageWithAdvice(new Error('as it is'))).toBe('as it is');
  expect(messageWithAdvice('not even an error')).toBe('not even an error');
});

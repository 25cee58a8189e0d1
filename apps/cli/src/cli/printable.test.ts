import { expect, test } from 'vitest';
import { printable } from './printable.ts';

test('what a terminal would obey is shown, and the rest is as it was', () => {
  expect(printable('anna\u001b[2J/1.jpg\r\u0007')).toBe('anna\\u001b[2J/1.jpg\\u000d\\u0007');
  expect(printable('gpj.\u202eexe')).toBe('gpj.\\u202eexe');
  const plain = 'Zoë 李 \u{1f600}\tand\na line';
  expect(printable(plain)).toBe(plain);
});

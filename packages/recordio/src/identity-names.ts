/**
 * `identities.json` beside a `.rec`: names of the identities by label, `{"0": "Ada", "1": "Grace"}`. The reference has
 * no such file; it lets a folder of folders keep its names on the way through records.
 */
import { RecordIOError } from './errors.ts';
import type { IdentityNames } from './identities.ts';

export const IDENTITY_NAMES_FILE = 'identities.json';

/** @throws RecordIOError `property-syntax` unless the text is an object of names by label */
export function parseIdentityNames(text: string): IdentityNames {
  let names: unknown;
  try {
    names = JSON.parse(text);
  } catch (cause) {
    throw new RecordIOError('property-syntax', `${IDENTITY_NAMES_FILE} is not JSON`, { cause });
  }
  const notNames = (found: string): RecordIOError =>
    new RecordIOError(
      'property-syntax',
      `${IDENTITY_NAMES_FILE} must be an object of names by label, such as {"0": "Ada"}${found}`,
    );
  if (typeof names !== 'object' || names === null || Array.isArray(names)) throw notNames('');
  return new Map(
    Object.entries(names).map(([label, name]: [string, unknown]) => {
      if (!/^\d+$/.test(label)) throw notNames(`; found the label ${JSON.stringify(label.slice(0, 80))}`);
      if (typeof name !== 'string') throw notNames(`; the name of label ${label.slice(0, 80)} is no text`);
      return [Number(label), name];
    }),
  );
}

/** The text of the file. */
export function serializeIdentityNames(names: IdentityNames): string {
  const sorted = [...names].sort(([a], [b]) => a - b);
  return `${JSON.stringify(Object.fromEntries(sorted), undefined, 1)}\n`;
}

/**
 * `identities.json` beside a `.rec`: names of the identities by label, `{"0": "Ada", "1": "Grace"}`. The reference has
 * no such file; it lets a folder of folders keep its names on the way through records.
 */
import { readFile } from 'node:fs/promises';
import { RecordIOError } from '../errors.ts';
import type { IdentityNames } from '../identities.ts';
import { fileError, systemCode } from './file-error.ts';

export const IDENTITY_NAMES_FILE = 'identities.json';

/** Reads names if the file is there. */
export async function readIdentityNames(path: string): Promise<IdentityNames | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw fileError('read-failed', `Cannot read ${path}`, path, error);
  }
  let names: unknown;
  try {
    names = JSON.parse(text);
  } catch (cause) {
    throw new RecordIOError('property-syntax', `${path} is not JSON`, { path, cause });
  }
  if (typeof names !== 'object' || names === null || Array.isArray(names)) {
    throw new RecordIOError('property-syntax', `${path} must be an object of names by label`, { path });
  }
  return new Map(Object.entries(names).map(([label, name]) => [Number(label), String(name)]));
}

/** The text of the file. */
export function serializeIdentityNames(names: IdentityNames): string {
  const sorted = [...names].sort(([a], [b]) => a - b);
  return `${JSON.stringify(Object.fromEntries(sorted), undefined, 1)}\n`;
}

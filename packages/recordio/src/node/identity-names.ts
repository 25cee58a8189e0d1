/** Reads `identities.json`, where there is one. */
import { readFile } from 'node:fs/promises';
import { RecordIOError } from '../errors.ts';
import type { IdentityNames } from '../identities.ts';
import { parseIdentityNames } from '../identity-names.ts';
import { fileError, systemCode } from './file-error.ts';

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
  try {
    return parseIdentityNames(text);
  } catch (error) {
    const { code, message } = error as RecordIOError;
    throw new RecordIOError(code, `${path}: ${message}`, { path, cause: error });
  }
}

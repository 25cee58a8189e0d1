/** Where the reference's own output lies, when it lies beside this repository. Tests that need it are skipped elsewhere. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const shared = fileURLToPath(new URL('../../../../../shared/', import.meta.url));

export const oracleFolder = `${shared}oracle/`;
export const dataFolder = `${shared}data/`;
export const oracleIsAbsent = !existsSync(`${oracleFolder}recordio`);

export function oracleBytes(path: string): Uint8Array {
  return new Uint8Array(readFileSync(oracleFolder + path));
}

/** A manifest. Its shape is the reader's business. */
export function oracleJson<T>(path: string): T {
  return JSON.parse(readFileSync(oracleFolder + path, 'utf8')) as T;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

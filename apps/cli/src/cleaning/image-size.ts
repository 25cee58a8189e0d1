import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseProperty } from '@arcface/recordio';

/** Image size that a dataset's own `property` file states, if it has one. */
export async function statedImageSize(data: string): Promise<{ height: number; width: number } | undefined> {
  for (const folder of [data, dirname(data)]) {
    const path = join(folder, 'property');
    if (existsSync(path)) return parseProperty(await readFile(path, 'utf8'));
  }
  return undefined;
}

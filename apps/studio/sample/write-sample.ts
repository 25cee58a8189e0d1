/** The sample as the studio opens it: drawn faces, and the audit that stands beside this file. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawSample } from './draw-sample.ts';

const MANIFEST = {
  title: 'Sample: drawn faces',
  audit: 'audit.jsonl',
  data: { kind: 'records', records: 'train.rec', index: 'train.idx', property: 'property' },
  whole: true,
};

/** Replaces a folder. */
export async function writeSample(target: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'arcface-sample-'));
  try {
    const data = await drawSample(work);
    await rm(target, { recursive: true, force: true });
    await mkdir(target, { recursive: true });
    for (const name of ['train.rec', 'train.idx', 'property']) await cp(join(data, name), join(target, name));
    await cp(fileURLToPath(new URL('audit.jsonl', import.meta.url)), join(target, 'audit.jsonl'));
    await writeFile(join(target, 'studio.json'), `${JSON.stringify(MANIFEST, undefined, 2)}\n`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

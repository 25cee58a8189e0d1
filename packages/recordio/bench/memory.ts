/**
 * Peak memory against file size: `tsx bench/memory.ts [directory]`. Writes, scans and checks a file of 100 MB and one of
 * 2 GB, each step in a process of its own, and prints the most memory that each had.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scanRecords, scanRecordTable, verifyRecords } from '../src/index.ts';
import { type FileSource, openFileSource } from '../src/node/index.ts';
import { writeSyntheticRecords } from './synthetic-records.ts';

const STEPS: Record<string, (path: string, bytes: number) => Promise<unknown>> = {
  idle: async () => {},
  write: (path, bytes) => writeSyntheticRecords(path, bytes, 10_000),
  scan: (path) =>
    withSource(path, async (source) => {
      for await (const _ of scanRecords(source)) {
        // Looked at and let go.
      }
    }),
  'scan, keepPayloads': (path) =>
    withSource(path, async (source) => {
      for await (const _ of scanRecords(source, { keepPayloads: true })) {
        // Looked at and let go.
      }
    }),
  labels: (path) => withSource(path, (source) => scanRecordTable(source)),
  verify: (path) => withSource(path, (source) => verifyRecords({ records: source })),
};

async function withSource(path: string, use: (source: FileSource) => Promise<unknown>): Promise<void> {
  const source = await openFileSource(path);
  await use(source);
  await source.close();
}

const [step, path, bytes] = process.argv.slice(2);
if (step !== undefined && step in STEPS && path !== undefined) {
  await STEPS[step]!(path, Number(bytes));
  console.log(process.resourceUsage().maxRSS);
} else {
  const folder = await mkdtemp(join(step ?? tmpdir(), 'recordio-bench-'));
  try {
    for (const size of [100e6, 2e9]) {
      const file = join(folder, `${size}.rec`);
      for (const name of Object.keys(STEPS)) {
        const args = ['--import', 'tsx', fileURLToPath(import.meta.url), name, file, String(size)];
        const kilobytes = Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
        console.log(`${size / 1e6} MB, ${name}: ${(kilobytes / 1000).toFixed(0)} MB at most`);
      }
      await rm(file);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

/**
 * How close to the disk: `tsx bench/speed.ts [directory]`. Every figure is a ratio to something plain that the same
 * process does to the same file in the same run; each is measured five times in turn, and the best one counts (other work
 * on the machine only ever makes it slower).
 * Needs about 3 GB free in the directory (default: the system's temporary one).
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  readRecord,
  scanRecordBlocks,
  scanRecords,
  scanRecordTable,
  shuffledPositions,
} from '../src/index.ts';
import { type FileSource, openFileSource } from '../src/node/index.ts';
import { writeSyntheticRecords } from './synthetic-records.ts';

const GIGABYTE = 1e9;
const MEBIBYTE = 1 << 20;
const ROUNDS = 5;

const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'recordio-bench-'));
try {
  const path = join(folder, 'large.rec');
  console.log('1 GB of 10 KB records');
  const write: number[] = [];
  const copy: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await rm(path, { force: true });
    write.push(await writeSyntheticRecords(path, GIGABYTE, 10_000));
    copy.push(await copyInBlocks(path, join(folder, 'copy')));
    await rm(join(folder, 'copy'));
  }
  report('write', best(write), 'plain copy in 1 MiB blocks', best(copy));

  const plain: number[] = [];
  const scan: number[] = [];
  const reuse: number[] = [];
  const blocks: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    plain.push(await seconds(() => readInBlocks(path)));
    scan.push(await seconds(() => scanAll(path, false)));
    blocks.push(await seconds(() => scanAllBlocks(path)));
    reuse.push(await seconds(() => scanAll(path, true)));
  }
  report('scanRecords', best(scan), 'plain read in 1 MiB blocks', best(plain));
  report('scanRecordBlocks, reuseBlocks', best(blocks), 'plain read in 1 MiB blocks', best(plain));
  report('scanRecords, reuseBlocks', best(reuse), 'plain read in 1 MiB blocks', best(plain));

  const { offsets, spans } = await withSource(path, 0, (source) => scanRecordTable(source));
  const order = shuffledPositions(offsets.length, 1);
  const plainRandom = await seconds(() => readAtOffsets(path, order, offsets));
  for (const [what, synchronousBytes, readers] of [
    ['one after another', 0, 1],
    ['eight at a time', 0, 8],
    ['one after another, synchronous', 1 << 16, 1],
  ] as const) {
    const random = await seconds(() =>
      withSource(path, synchronousBytes, async (source) => {
        let next = 0;
        const reader = async (): Promise<void> => {
          while (next < order.length) {
            const row = order[next++]!;
            await readRecord(source, offsets[row]!, { expectedBytes: spans[row]! });
          }
        };
        await Promise.all(Array.from({ length: readers }, reader));
      }),
    );
    report(
      `${order.length} random records, ${what}`,
      random,
      'plain reads there one after another',
      plainRandom,
    );
  }

  await rm(path);
  await writeSyntheticRecords(path, GIGABYTE, 1000);
  const small = await openFileSource(path);
  let rows = 0;
  const headers = await seconds(async () => {
    rows = (await scanRecordTable(small)).length;
  });
  console.log(`label scan: ${rows} records of 1 KB (1 GB) in ${headers.toFixed(2)} s`);
  await small.close();
} finally {
  await rm(folder, { recursive: true });
}

async function withSource<T>(
  path: string,
  synchronousBytes: number,
  use: (source: FileSource) => Promise<T>,
): Promise<T> {
  const source = await openFileSource(path, { synchronousBytes });
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

async function scanAll(path: string, reuseBlocks: boolean): Promise<void> {
  const source = await openFileSource(path);
  let bytes = 0;
  for await (const { payload } of scanRecords(source, { reuseBlocks })) {
    bytes += payload.length;
  }
  console.assert(bytes > 0.9 * GIGABYTE);
  await source.close();
}

async function scanAllBlocks(path: string): Promise<void> {
  const source = await openFileSource(path);
  let bytes = 0;
  for await (const records of scanRecordBlocks(source, { reuseBlocks: true })) {
    for (const { payload } of records) {
      bytes += payload.length;
    }
  }
  console.assert(bytes > 0.9 * GIGABYTE);
  await source.close();
}

async function readInBlocks(path: string): Promise<void> {
  const file = await open(path);
  const block = Buffer.allocUnsafeSlow(MEBIBYTE);
  for (let bytes = 1; bytes > 0; ) {
    bytes = (await file.read(block, 0, block.length)).bytesRead;
  }
  await file.close();
}

async function copyInBlocks(from: string, to: string): Promise<number> {
  return seconds(async () => {
    const input = await open(from);
    const output = await open(to, 'w');
    const block = Buffer.allocUnsafeSlow(MEBIBYTE);
    for (;;) {
      const { bytesRead } = await input.read(block, 0, block.length);
      if (bytesRead === 0) {
        break;
      }
      await output.write(block, 0, bytesRead);
    }
    await output.sync();
    await output.close();
    await input.close();
  });
}

async function readAtOffsets(path: string, order: Int32Array, offsets: Float64Array): Promise<void> {
  const file = await open(path);
  for (const row of order) {
    await file.read(Buffer.allocUnsafeSlow(10_000), 0, 10_000, offsets[row]!);
  }
  await file.close();
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

function best(values: readonly number[]): number {
  return Math.min(...values);
}

function report(what: string, ours: number, plainName: string, plain: number): void {
  const speed = (GIGABYTE / 1e6 / ours).toFixed(0);
  console.log(
    `${what}: ${ours.toFixed(2)} s (${speed} MB/s), ${(plain / ours).toFixed(2)} of the speed of ${plainName}`,
  );
}

/**
 * How close to the disk: `tsx bench/speed.ts [directory]`. Every figure is a ratio to something plain that the same
 * process does to the same file in the same run; they take turns, five times (scans: fifteen), and the median of the
 * rounds' ratios counts.
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
import { type FileSource, type FileSourceOptions, openFileSource } from '../src/node/index.ts';
import { writeSyntheticRecords } from './synthetic-records.ts';

const GIGABYTE = 1e9;
const MEBIBYTE = 1 << 20;
const ROUNDS = 5;
/** Scans of a file in the system's memory take a tenth of a second, which other work on the machine easily doubles. */
const SCAN_ROUNDS = 15;

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
  report('write', write, 'plain copy in 1 MiB blocks', copy);

  const plain: number[] = [];
  const scan: number[] = [];
  const blocks: number[] = [];
  const keep: number[] = [];
  for (let round = 0; round < SCAN_ROUNDS; round++) {
    plain.push(await seconds(() => readInBlocks(path)));
    scan.push(await seconds(() => scanAll(path, false)));
    blocks.push(await seconds(() => scanAllBlocks(path)));
    keep.push(await seconds(() => scanAll(path, true)));
  }
  report('scanRecords', scan, 'plain read in 1 MiB blocks', plain);
  report('scanRecordBlocks', blocks, 'plain read in 1 MiB blocks', plain);
  report('scanRecords, keepPayloads', keep, 'plain read in 1 MiB blocks', plain);

  const { offsets, spans } = await withSource(path, {}, (source) => scanRecordTable(source));
  const order = shuffledPositions(offsets.length, 1);
  const plainRandom: number[] = [];
  const random: Record<string, [FileSourceOptions, readers: number, seconds: number[]]> = {
    'one after another': [{}, 1, []],
    'eight at a time': [{}, 8, []],
    'eight at a time in threads (synchronousBytes: 0)': [{ synchronousBytes: 0 }, 8, []],
  };
  for (let round = 0; round < ROUNDS; round++) {
    plainRandom.push(await seconds(() => readAtOffsets(path, order, offsets)));
    for (const [options, readers, times] of Object.values(random)) {
      times.push(
        await seconds(() =>
          withSource(path, options, async (source) => {
            let next = 0;
            const reader = async (): Promise<void> => {
              while (next < order.length) {
                const row = order[next++]!;
                await readRecord(source, offsets[row]!, { expectedBytes: spans[row]! });
              }
            };
            await Promise.all(Array.from({ length: readers }, reader));
          }),
        ),
      );
    }
  }
  for (const [how, [, , times]] of Object.entries(random)) {
    report(
      `${order.length} random records, ${how}`,
      times,
      'plain reads there one after another',
      plainRandom,
    );
  }

  await rm(path);
  await writeSyntheticRecords(path, GIGABYTE, 1000);
  const small = await openFileSource(path);
  let rows = 0;
  const headers: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    headers.push(
      await seconds(async () => {
        rows = (await scanRecordTable(small)).length;
      }),
    );
  }
  console.log(`label scan: ${rows} records of 1 KB (1 GB) in ${median(headers).toFixed(2)} s`);
  await small.close();
} finally {
  await rm(folder, { recursive: true });
}

async function withSource<T>(
  path: string,
  options: FileSourceOptions,
  use: (source: FileSource) => Promise<T>,
): Promise<T> {
  const source = await openFileSource(path, options);
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

async function scanAll(path: string, keepPayloads: boolean): Promise<void> {
  const source = await openFileSource(path);
  let bytes = 0;
  for await (const { payload } of scanRecords(source, { keepPayloads })) {
    bytes += payload.length;
  }
  console.assert(bytes > 0.9 * GIGABYTE);
  await source.close();
}

async function scanAllBlocks(path: string): Promise<void> {
  const source = await openFileSource(path);
  let bytes = 0;
  for await (const records of scanRecordBlocks(source)) {
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

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

function report(what: string, ours: readonly number[], plainName: string, plain: readonly number[]): void {
  const speed = (GIGABYTE / 1e6 / median(ours)).toFixed(0);
  const ratios = ours.map((value, round) => plain[round]! / value);
  const range = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => ratio.toFixed(2)).join(' to ');
  console.log(
    `${what}: ${speed} MB/s, ${median(ratios).toFixed(2)} of the speed of ${plainName} (${range} in ${ours.length} rounds)`,
  );
}

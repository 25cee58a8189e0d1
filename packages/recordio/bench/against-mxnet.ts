/**
 * The speed of MXNet's own Python reader beside ours: `tsx bench/against-mxnet.ts PYTHON [directory]`, where PYTHON is a
 * Python 3.8 that has mxnet 1.9.1 and numpy 1.22.
 *
 * Both read the same 1 GB file of 10 KB records, from front to back and 100,000 records in one random order, in turn, five
 * times; the median of each counts. Opening a file and its index is not timed. Needs 1 GB free in the directory.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readRecord, scanRecords, serializeIndex, shuffledPositions, surveyRecords } from '../src/index.ts';
import { type FileSource, type FileSourceOptions, openFileSource } from '../src/node/index.ts';
import { writeSyntheticRecords } from './synthetic-records.ts';

const ROUNDS = 5;
const peer = fileURLToPath(new URL('mxnet-peer.py', import.meta.url));
const [python, directory = tmpdir()] = process.argv.slice(2);
if (python === undefined) throw new Error('Which Python? tsx bench/against-mxnet.ts PYTHON [directory]');

const folder = await mkdtemp(join(directory, 'recordio-bench-'));
try {
  const paths = ['large.rec', 'large.idx', 'order.txt'].map((name) => join(folder, name));
  const path = paths[0]!;
  await writeSyntheticRecords(path, 1e9, 10_000);
  const survey = await withSource({}, (records) => surveyRecords({ records }));
  const { keys, offsets } = survey;
  await writeFile(paths[1]!, serializeIndex({ keys, offsets }));
  const order = shuffledPositions(keys.length, 1);
  await writeFile(paths[2]!, Array.from(order, (row) => `${keys[row]}\n`).join(''));
  console.log(`1 GB, ${keys.length} records of 10 KB, median of ${ROUNDS}`);

  async function withSource<T>(
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

  const scan = (keepPayloads: boolean) =>
    withSource({}, async (source) => {
      let bytes = 0;
      for await (const { payload } of scanRecords(source, { keepPayloads })) bytes += payload.length;
      return bytes;
    });
  const readAtRandom = (readers: number, options: FileSourceOptions = {}) =>
    withSource(options, async (source) => {
      let bytes = 0;
      let next = 0;
      const reader = async (): Promise<void> => {
        while (next < order.length) {
          const { payload } = await readRecord(source, offsets[order[next++]!]!, { expectedBytes: 10_000 });
          bytes += payload.length;
        }
      };
      await Promise.all(Array.from({ length: readers }, reader));
      return bytes;
    });

  const modes = {
    sequential: {
      scanRecords: () => scan(false),
      'scanRecords, keepPayloads': () => scan(true),
    },
    random: {
      'readRecord, one after another': () => readAtRandom(1),
      'readRecord, eight at a time': () => readAtRandom(8),
      'readRecord, eight at a time in threads (synchronousBytes: 0)': () =>
        readAtRandom(8, { synchronousBytes: 0 }),
    },
  };
  for (const [mode, ours] of Object.entries(modes)) {
    const names = Object.keys(ours);
    const times = new Map<string, number[]>(['mxnet', ...names].map((name) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      const output = execFileSync(python, [peer, ...paths, mode], { encoding: 'utf8' });
      const theirs = JSON.parse(output) as { seconds: number; bytes: number };
      times.get('mxnet')!.push(theirs.seconds);
      for (const [name, read] of Object.entries(ours)) {
        const started = performance.now();
        const bytes = await read();
        times.get(name)!.push((performance.now() - started) / 1000);
        if (bytes !== theirs.bytes) throw new Error(`${name} read ${bytes} bytes, MXNet ${theirs.bytes}`);
      }
    }
    const median = (name: string) => times.get(name)!.toSorted((a, b) => a - b)[ROUNDS >> 1]!;
    for (const [name, seconds] of times) {
      const ratios =
        name === 'mxnet' ? '' : `, ${(median('mxnet') / median(name)).toFixed(2)} of the speed of MXNet`;
      const all = seconds.map((value) => value.toFixed(2)).join(' ');
      console.log(`${mode}: ${name}: ${(1000 / median(name)).toFixed(0)} MB/s${ratios} (seconds: ${all})`);
    }
  }
} finally {
  await rm(folder, { recursive: true });
}

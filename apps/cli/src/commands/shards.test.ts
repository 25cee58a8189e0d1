import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EmbeddingStore } from '../cleaning/embedding-store.ts';
import { runInProcess } from '../testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../testing/striped-faces.ts';

/* Work that is divided among processes which know nothing of each other, and joined to the same bytes as one process's. */

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

/** Three chunks of a store of embeddings, which has them smaller here. */
const FACES = { identities: 20, images: 7 };
const CHUNK_IMAGES = 64;
/** Three parts of an `embed` with batches of 2. */
const FEW = { identities: 13, images: 40 };
const COMPUTE = ['--threads', '1', '--json'];

async function json(...args: string[]) {
  const { exitCode, stdout, stderr } = await runInProcess(...args, ...COMPUTE);
  expect(exitCode, stderr).toBe(0);
  return JSON.parse(stdout);
}

beforeAll(async () => {
  const { open } = EmbeddingStore;
  vi.spyOn(EmbeddingStore, 'open').mockImplementation((options) =>
    open.call(EmbeddingStore, { chunkImages: CHUNK_IMAGES, ...options }),
  );
  folder = mkdtempSync(join(tmpdir(), 'arcface-shards-'));
  for (const [data, faces] of [
    ['faces', FACES],
    ['few', FEW],
  ] as const) {
    await writeStripedFaces(at(data), faces);
    writeFileSync(at(data, 'person-00', '03.jpg'), 'no image');
  }
  await json(
    ...['train', '--data', at('faces'), '--output', at('run'), '--network', 'r8-narrow'],
    ...['--input-size', String(SIDE), '--embedding-size', '16', '--max-steps', '1', '--batch-size', '8'],
  );
});
afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

const shardsOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i + 1}/${count}`);
const bytes = (...path: string[]): Buffer => readFileSync(at(...path));

describe('embed', () => {
  const embed = (output: string, ...more: string[]) =>
    json(
      ...['embed', '--model', at('run'), '--data', at('few'), '--batch-size', '2'],
      ...['--output', at(output), ...more],
    );
  const merge = (output: string) => runInProcess('embed', 'merge', '--output', at(output), '--json');

  test.each([
    ['npy', [1, 2, 3, 4]],
    ['safetensors', [3]],
  ])('%s: shards merge to the bytes of one run, whatever their number', async (format, counts) => {
    await embed(`whole.${format}`);
    for (const count of counts) {
      const output = `parts-${count}.${format}`;
      for (const shard of shardsOf(count)) await embed(output, '--shard', shard);
      expect((await merge(output)).exitCode).toBe(0);
      expect(bytes(output).equals(bytes(`whole.${format}`)), `${count} shards`).toBe(true);
      expect(bytes(`parts-${count}.jsonl`)).toEqual(bytes('whole.jsonl'));
      for (const name of readdirSync(folder))
        if (/^(parts|whole).*jsonl?$/.test(name) && name !== 'whole.jsonl') rmSync(at(name));
    }
    rmSync(at('whole.jsonl'));
  });

  test('a shard can be repeated, also where it was killed; what is missing is named', async () => {
    await embed('one.npy');
    await embed('some.npy', '--shard', '1/3');
    expect((await merge('some.npy')).stderr).toContain(
      'some.shard-2-of-3.npy, some.shard-3-of-3.npy are not complete',
    );
    expect(await embed('some.npy', '--shard', '1/3')).toEqual({ start: 0, end: 256, shard: '1/3' });
    // Killed between its files and the word that they are complete.
    await embed('some.npy', '--shard', '2/3');
    rmSync(at('some.shard-2-of-3.json'));
    writeFileSync(at('some.shard-2-of-3.npy'), 'half of it');
    await embed('some.npy', '--shard', '2/3');
    await embed('some.npy', '--shard', '3/3');
    // Lost on its way from another machine.
    const whole = bytes('some.shard-3-of-3.npy');
    writeFileSync(at('some.shard-3-of-3.npy'), whole.subarray(0, -4));
    expect((await merge('some.npy')).stderr).toMatch(/some.shard-3-of-3.npy has \d+ bytes, expected \d+/);
    expect(readdirSync(folder)).not.toContain('some.jsonl');
    writeFileSync(at('some.shard-3-of-3.npy'), whole);
    expect((await merge('some.npy')).exitCode).toBe(0);
    expect(bytes('some.npy').equals(bytes('one.npy'))).toBe(true);
    expect((await merge('some.npy')).stderr).toMatch(/some.npy exists/);
  });

  test('shards of different work are not joined', async () => {
    await embed('mixed.npy', '--shard', '1/2');
    await embed('mixed.npy', '--shard', '2/2', '--normalize');
    const { exitCode, stderr } = await merge('mixed.npy');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /mixed.shard-2-of-2.npy and .*mixed.shard-1-of-2.npy are not of one work: their normalize is true and false/,
    );
    expect((await merge('nothing.npy')).stderr).toMatch(/No shard of .*nothing.npy is complete/);
  });
});

describe.each([
  ['auto', [1, 2, 3, 4], ['--rule', 'auto']],
  ['angle', [3], ['--rule', 'angle', '--threshold', '60', '--k', '3']],
])('the rule %s', (rule, counts, options) => {
  const common = (...command: string[]) => [
    ...command,
    '--data',
    at('faces'),
    '--model',
    at('run'),
    ...options,
  ];

  test('audit and drop: shards merge to the bytes of one run, whatever their number', async () => {
    const audit = (name: string, work: string, ...more: string[]) =>
      json(...common('audit', ...more), '--output', at(name), '--work', at(work));
    const drop = (name: string, work: string, ...more: string[]) =>
      json(...common('drop', ...more), '--output', at(name), '--work', at(work));
    await audit(`${rule}.jsonl`, `work-${rule}`);
    await drop(`${rule}-clean`, `work-${rule}`);
    for (const count of counts) {
      const work = `work-${rule}-${count}`;
      const premature = await runInProcess(
        ...common('audit', 'merge'),
        '--output',
        at('x.jsonl'),
        '--work',
        at(work),
      );
      expect(premature.stderr).toMatch(/3 of 3 parts are not embedded yet/);
      for (const shard of shardsOf(count)) await audit(`${rule}-${count}.jsonl`, work, '--shard', shard);
      const rounds: number[] = [];
      const handOut = rule === 'auto' && count === 3 ? ['--hand-out'] : [];
      for (;;) {
        const merged = await audit(`${rule}-${count}.jsonl`, work, 'merge', ...handOut);
        if (merged.images !== undefined) break;
        expect(merged).toEqual({ round: rounds.length + 1 });
        rounds.push(merged.round);
        for (const shard of shardsOf(count)) {
          const scored = await audit(`${rule}-${count}.jsonl`, work, '--shard', shard);
          expect(scored).toEqual({ shard, round: merged.round });
        }
      }
      expect(rounds).toEqual(handOut.length > 0 ? [1, 2, 3, 4] : []);
      expect(bytes(`${rule}-${count}.jsonl`).equals(bytes(`${rule}.jsonl`)), `${count} shards`).toBe(true);
      await drop(`${rule}-clean-${count}`, work, 'merge');
      for (const file of ['train.rec', 'train.idx', 'audit.jsonl', 'property']) {
        expect(bytes(`${rule}-clean-${count}`, file).equals(bytes(`${rule}-clean`, file)), file).toBe(true);
      }
    }
  });
});

test('merge is told apart from a shard and from anything else', async () => {
  const base = ['--data', at('faces'), '--model', at('run'), '--output', at('y.jsonl')];
  expect((await runInProcess('audit', 'merge', ...base, '--shard', '1/2')).stderr).toMatch(
    /leave out --shard/,
  );
  expect((await runInProcess('audit', ...base, '--hand-out', '--shard', '1/2')).stderr).toMatch(
    /leave out --hand-out/,
  );
  expect((await runInProcess('audit', 'join', ...base)).stderr).toMatch(
    /Expected options, or merge, found join/,
  );
  expect((await runInProcess('embed', 'join', '--output', at('y.npy'))).exitCode).toBe(2);
});

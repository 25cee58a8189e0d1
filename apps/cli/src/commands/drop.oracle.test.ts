import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseNdArrays, parseSafetensors, serializeNdArrays, serializeSafetensors } from '@arcface/backbones';
import type { AuditRow } from '@arcface/cleaner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../program.ts';

/*
 * What the reference's drop script wrote for 506 faces of LFW with a real MobileFaceNet: `arcface drop --layout flat`
 * must write the same bytes, and give the same reasons.
 */

const shared = new URL('../../../../../shared/', import.meta.url);
const oracle = new URL('oracle/drop/', shared);
const checkpoint = new URL('data/mobilefacenet-y1/', shared);
const available = existsSync(oracle) && existsSync(checkpoint);

/** The reference's run, the file with its sub-centres, and K. */
const runs = [
  ['k3_t75', 'fc7_k3', 3],
  ['k3_t70', 'fc7_k3', 3],
  ['k1_t75', 'fc7_k1', 1],
  ['k3_t60_3shards', 'fc7_k3', 3],
  ['k3_t40_2shards', 'fc7_k3_2shards', 3],
  ['k3_random_t89', 'fc7_k3_random', 3],
] as const;

interface ReferenceRun {
  readonly threshold_deg: number;
  readonly rec_sha256: string;
  readonly property: string;
  readonly images_out: number;
  readonly identities_out: number;
  readonly images: readonly {
    readonly key: number;
    readonly angle_deg: number;
    readonly subcenter: number;
    readonly kept: boolean;
    readonly new_key: number | null;
    readonly new_label: number | null;
  }[];
}

const data = new URL('in_train.rec', oracle).pathname;

/** Embeddings are the network's, which is the same in all these files: those that are there are given to a file that has other sub-centres. */
function giveEmbeddings(from: string, to: string, model: string): void {
  mkdirSync(to);
  const digest = createHash('sha256').update(readFileSync(model)).digest('hex');
  for (const name of readdirSync(from)) {
    const { tensors, metadata } = parseSafetensors(readFileSync(join(from, name)));
    writeFileSync(
      join(to, name),
      serializeSafetensors({ tensors, metadata: { ...metadata, model: digest } }),
    );
  }
}

describe.skipIf(!available)('drop against the reference (needs ../shared)', () => {
  let folder: string;
  const work = (model: string) => join(folder, `${model}-work`);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'arcface-drop-'));
    const network = parseNdArrays(readFileSync(new URL('model-0000.params', checkpoint))).arrays;
    const files = new Set(runs.map(([, subcenters]) => subcenters));
    for (const file of files) {
      const subcenters = parseNdArrays(readFileSync(new URL(`${file}.params`, oracle))).arrays;
      const arrays = [...network, ...subcenters];
      writeFileSync(
        join(folder, `${file}-0002.params`),
        serializeNdArrays({ names: arrays.map(({ name }) => name), arrays }),
      );
      copyFileSync(new URL('model-symbol.json', checkpoint), join(folder, `${file}-symbol.json`));
    }
    const [first, ...others] = files;
    const embedded = await runCommandLine([
      ...['drop', '--data', data, '--model', `${join(folder, first!)},2`, '--shard', '1/1', '--json'],
      ...['--output', join(folder, 'none'), '--work', work(first!)],
    ]);
    expect(embedded).toBe(0);
    for (const file of others) giveEmbeddings(work(first!), work(file), join(folder, `${file}-0002.params`));
    giveEmbeddings(work(first!), work('model'), new URL('model-0000.params', checkpoint).pathname);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(runs)('%s', async (run, subcenters, k) => {
    const expected = JSON.parse(readFileSync(new URL(`out_${run}.json`, oracle), 'utf8')) as ReferenceRun;
    const output = join(folder, run);
    const exitCode = await runCommandLine([
      ...['drop', '--layout', 'flat', '--output', output, '--json'],
      ...['--data', data, '--model', `${join(folder, subcenters)},2`, '--work', work(subcenters)],
      ...['--threshold', String(expected.threshold_deg), '--k', String(k)],
    ]);
    expect(exitCode).toBe(0);

    const written = (name: string) => readFileSync(join(output, name));
    expect(createHash('sha256').update(written('train.rec')).digest('hex')).toBe(expected.rec_sha256);
    expect(written('train.idx')).toEqual(readFileSync(new URL(`out_${run}.idx`, oracle)));
    expect(written('property').toString()).toBe(expected.property);

    const rows = written('audit.jsonl')
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditRow);
    expect(
      rows.map(({ key, subcenter, decision, newKey, newLabel }) => ({
        key,
        subcenter,
        decision,
        newKey,
        newLabel,
      })),
    ).toEqual(
      expected.images.map((image) => ({
        key: image.key,
        subcenter: image.subcenter,
        decision: image.kept ? 'keep' : 'drop',
        newKey: image.new_key ?? undefined,
        newLabel: image.new_label ?? undefined,
      })),
    );
    const furthest = Math.max(...rows.map(({ angle }, i) => Math.abs(angle - expected.images[i]!.angle_deg)));
    expect(furthest).toBeLessThan(0.02);
  });

  test('the automatic rule, with a network that has no sub-centres for this data', async () => {
    const output = join(folder, 'auto');
    const exitCode = await runCommandLine([
      ...['drop', '--rule', 'auto', '--output', output, '--json', '--work', work('model')],
      ...['--data', data, '--model', `${new URL('model', checkpoint).pathname},0`],
    ]);
    expect(exitCode).toBe(0);
    const { images } = JSON.parse(readFileSync(new URL('input.json', oracle), 'utf8')) as {
      images: readonly { readonly kind: string }[];
    };
    const rows = readFileSync(join(output, 'audit.jsonl'), 'utf8').trim().split('\n');
    const dropped = rows.map((line) => (JSON.parse(line) as AuditRow).decision === 'drop');
    expect(rows).toHaveLength(images.length);
    const bad = images.map(({ kind }) => kind !== 'clean');
    const both = dropped.filter((drop, i) => drop && bad[i]).length;
    const f1 = (2 * both) / (dropped.filter(Boolean).length + bad.filter(Boolean).length);
    expect(f1).toBeGreaterThan(0.95);
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSafetensors, toFloat32 } from '@arcface/backbones';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256OfFile } from './cleaning/embedding-store.ts';
import { runInProcess } from './testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from './testing/striped-faces.ts';

const IMAGES = 4 * 8;
const SIZE = 32;
let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

async function done(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await runInProcess(...args, '--threads', '1', '--json');
  expect(stderr).not.toMatch(/^error/m);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

const training = (side: number) =>
  `--network r8-narrow --input-size ${side} --embedding-size ${SIZE} --scale 16 --margin .2 --batch-size 16 --lr .03`.split(
    ' ',
  );

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-beside-'));
  await writeStripedFaces(at('faces'), { identities: 4, images: 8 });
  const train = (data: string, output: string, side = SIDE) =>
    done('train', '--data', at(data), '--output', at(output), '--max-steps', '4', ...training(side));
  await train('faces', 'run');
  await train('faces', 'smaller', 16);
  await done(
    'drop',
    '--data',
    at('faces'),
    '--model',
    at('run'),
    '--threshold',
    '179',
    '--output',
    at('kept'),
  );
  await train('kept', 'again');
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The embeddings that a network gives, each of length one. */
async function embedded(run: string): Promise<Float32Array[]> {
  const output = at(`${run}.safetensors`);
  await done('embed', '--data', at('faces'), '--model', at(run), '--normalize', '--output', output);
  const values = toFloat32(parseSafetensors(readFileSync(output)).tensors[0]!);
  return Array.from({ length: IMAGES }, (_, i) => values.subarray(i * SIZE, (i + 1) * SIZE));
}

test('a dataset is judged by all of them, with the rule for networks that were trained on it', async () => {
  const work = at('work');
  const args = ['--data', at('faces'), '--model', at('again'), '--beside', at('run'), '--work', work];
  await done('drop', ...args, '--output', at('both'));

  const provenance = JSON.parse(readFileSync(at('both', 'provenance.json'), 'utf8'));
  expect(provenance).toMatchObject({
    rule: { kind: 'self-trained' },
    model: { sha256: await sha256OfFile(provenance.model.path), trainedOnThisData: true },
    beside: [{ sha256: await sha256OfFile(provenance.beside[0].path) }],
  });
  expect(provenance.model.path).toMatch(at('again'));
  expect(provenance.beside[0].path).toMatch(at('run'));
  const summary = JSON.parse(readFileSync(at('both', 'summary.json'), 'utf8'));
  expect(summary.beside).toEqual([provenance.beside[0].path]);

  const { tensors } = parseSafetensors(readFileSync(join(work, 'chunk-00000000.safetensors')));
  const stored = tensors.find(({ name }) => name === 'embeddings')!;
  expect(stored.shape).toEqual([IMAGES, 2 * SIZE]);
  const [again, run] = [await embedded('again'), await embedded('run')];
  const joined = again.flatMap((row, i) => [...row, ...run[i]!]);
  toFloat32(stored).forEach((value, i) => {
    expect(value).toBeCloseTo(joined[i]!, 6);
  });

  // What the two have embedded is not what one of them embeds.
  const { exitCode, stderr } = await runInProcess(
    ...['audit', '--data', at('faces'), '--model', at('again'), '--work', work, '--output', at('a.jsonl')],
  );
  expect(exitCode).toBe(1);
  expect(stderr).toMatch('was made by another network');
});

test('a configuration may name several, and an audit takes them', async () => {
  const config = at('config.json');
  writeFileSync(config, JSON.stringify({ beside: [at('run')] }));
  const args = ['--data', at('faces'), '--model', at('again')];
  await done('audit', ...args, '--config', config, '--output', at('configured.jsonl'));
  await done('audit', ...args, '--beside', at('run'), '--output', at('typed.jsonl'));
  expect(readFileSync(at('configured.jsonl'), 'utf8')).toBe(readFileSync(at('typed.jsonl'), 'utf8'));
});

test.each([
  ['a rule that needs sub-centres', 'again', ['run'], ['--rule', 'angle'], 1, 'no sub-centres in common'],
  ['sub-centres that are asked for', 'again', ['run'], ['--k', '3'], 1, 'no sub-centres in common'],
  ['the same twice', 'again', ['again'], [], 2, 'again is named twice'],
  ['one of two the same', 'again', ['run', 'run'], [], 2, 'run is named twice'],
  ['images of another size', 'again', ['smaller'], [], 1, 'one takes 32x32x3 and another 16x16x3'],
  ['a network that is not there', 'again', ['nowhere'], [], 1, 'nowhere'],
] as const)('%s is refused, and nothing is written', async (_, model, beside, more, code, message) => {
  const args = [
    'drop',
    '--data',
    at('faces'),
    '--model',
    at(model),
    ...beside.flatMap((name) => ['--beside', at(name)]),
  ];
  const { exitCode, stderr } = await runInProcess(...args, ...more, '--output', at('refused'));
  expect(stderr).toMatch(message);
  expect(exitCode).toBe(code);
  expect(() => readFileSync(at('refused', 'train.rec'))).toThrow(/ENOENT/);
});

test('an audit has been judged: there is nothing to stand beside', async () => {
  const args = ['--data', at('faces'), '--audit', at('configured.jsonl'), '--beside', at('run')];
  const { exitCode, stderr } = await runInProcess('drop', ...args, '--output', at('refused'));
  expect(stderr).toMatch('--beside is for networks that judge with --model');
  expect(exitCode).toBe(2);
});

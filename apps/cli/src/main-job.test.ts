import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type NamedArray, parseSafetensors } from '@arcface/backbones';
import { openFaceDataset } from '@arcface/recordio/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundledCommandLine } from './testing/bundled-command-line.ts';
import { runInProcess } from './testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from './testing/striped-faces.ts';

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const network = [
  '--network',
  'r8-narrow',
  '--input-size',
  String(SIDE),
  '--embedding-size',
  '32',
  '--scale',
  '16',
  '--margin',
  '.2',
];
const training = [...network, '--batch-size', '16', '--lr', '.03', '--threads', '1'];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-main-job-'));
  await writeStripedFaces(at('faces'), { identities: 6, images: 12 });
  await writeStripedFaces(at('strangers'), { identities: 4, images: 4, first: 10 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await runInProcess(...args, '--json');
  expect(stderr).not.toMatch(/^error/m);
  expect(exitCode).toBe(0);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  return JSON.parse(stdout) as Record<string, unknown>;
}

function tensorsOf(checkpoint: unknown): readonly NamedArray[] {
  return parseSafetensors(readFileSync(checkpoint as string)).tensors;
}

test('train, drop, train again, verify, embed', async () => {
  const noisy = await json(
    'train',
    '--data',
    at('faces'),
    '--output',
    at('noisy'),
    '--epochs',
    '3',
    ...training,
  );
  expect(noisy).toMatchObject({
    steps: 12,
    epochs: 3,
    verification: null,
    loss: expect.any(Number),
    imagesPerSecond: expect.any(Number),
  });
  expect(existsSync(noisy.checkpoint as string)).toBe(true);
  const { tensors } = parseSafetensors(readFileSync(noisy.checkpoint as string));
  expect(tensors.find(({ name }) => name === 'head:fc7_0_weight')?.shape).toEqual([6 * 3, 32]);

  const dropped = await json(
    'drop',
    '--data',
    at('faces'),
    '--model',
    at('noisy'),
    '--threshold',
    '75',
    '--k',
    '3',
    '--output',
    at('clean'),
    '--threads',
    '1',
  );
  expect(dropped).toMatchObject({
    images: 72,
    identities: 6,
    output: at('clean', 'train.rec'),
    audit: at('clean', 'audit.jsonl'),
  });
  expect((dropped.kept as number) + (dropped.dropped as number)).toBe(72);
  const rows = readFileSync(dropped.audit as string, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(rows).toHaveLength(72);
  expect(rows[0]).toMatchObject({ key: 'person-00/00.jpg', label: 0, identity: 'person-00' });
  expect(rows.filter(({ decision }) => decision === 'keep')).toHaveLength(dropped.kept as number);
  const clean = await openFaceDataset(at('clean'));
  expect(clean.length).toBe(dropped.kept);
  expect(clean.identities[0]!.name).toMatch(/^person-/);
  await clean.close();

  // The output of a drop can be dropped again.
  const again = await json(
    'drop',
    '--data',
    at('clean'),
    '--model',
    at('noisy'),
    '--threshold',
    '75',
    '--output',
    at('cleaner'),
    '--threads',
    '1',
  );
  expect(again.images).toBe(dropped.kept);

  const final = await json(
    'train',
    '--data',
    at('clean'),
    '--output',
    at('final'),
    '--subcenters',
    '1',
    '--max-steps',
    '5',
    ...training,
  );
  expect(final.steps).toBe(5);

  const names = Array.from({ length: 4 }, (_, i) => `person-${10 + i}`);
  for (const name of names) {
    // LFW's list names images person_0001: give the strangers such names.
    for (const [i, file] of readdirSync(at('strangers', name)).entries()) {
      writeFileSync(
        at('strangers', name, `${name}_${String(i + 1).padStart(4, '0')}.jpg`),
        readFileSync(at('strangers', name, file)),
      );
    }
  }
  const pairs = names.flatMap((name, i) => [`${name} 1 2`, `${name} 1 ${names[(i + 1) % 4]} 3`]);
  writeFileSync(at('pairs.txt'), `${pairs.join('\n')}\n`);
  const verified = await json(
    'verify',
    '--model',
    at('final'),
    '--pairs',
    at('pairs.txt'),
    '--images',
    at('strangers'),
    '--folds',
    '2',
    '--threads',
    '1',
  );
  expect(Object.keys(verified)).toEqual(
    expect.arrayContaining([
      'accuracy',
      'accuracyStd',
      'threshold',
      'val',
      'valStd',
      'far',
      'xnorm',
      'pairs',
    ]),
  );
  expect(verified.pairs).toBe(8);

  const embedded = await json(
    'embed',
    '--model',
    final.checkpoint as string,
    '--data',
    at('faces'),
    '--output',
    at('faces.npy'),
    '--normalize',
    '--threads',
    '1',
  );
  expect(embedded).toMatchObject({ images: 72, dimensions: 32 });
  const file = readFileSync(at('faces.npy'));
  const header = file.readUInt16LE(8);
  expect(file.subarray(10, 10 + header).toString()).toContain("'shape': (72, 32)");
  const values = new Float32Array(
    file.buffer.slice(file.byteOffset + 10 + header, file.byteOffset + file.length),
  );
  expect(Math.hypot(...values.subarray(0, 32))).toBeCloseTo(1, 5);
  expect(readFileSync(at('faces.jsonl'), 'utf8').trim().split('\n')).toHaveLength(72);
});

test('a run that was stopped and resumed ends with the bytes of one that was not', async () => {
  const args = (output: string, steps: string) => [
    'train',
    '--data',
    at('faces'),
    '--output',
    at(output),
    '--max-steps',
    steps,
    ...training,
  ];
  const whole = await json(...args('whole', '6'));
  await json(...args('parts', '3'));
  const parts = await json(...args('parts', '6'), '--resume');
  expect(parts.steps).toBe(6);
  expect(tensorsOf(parts.checkpoint)).toEqual(tensorsOf(whole.checkpoint));
});

test.skipIf(process.platform === 'win32')(
  'Ctrl-C ends a run that goes on later with the same bytes',
  async () => {
    const args = (output: string, steps: number) => [
      ...['train', '--data', at('faces'), '--output', at(output), '--max-steps', String(steps)],
      ...training,
    ];
    const main = await bundledCommandLine(at('program'));
    // As it is started by people: it may start itself again, and Ctrl-C has to find what was started.
    const { GLIBC_TUNABLES: _, ...env } = process.env;
    const child = spawn(process.execPath, [main, ...args('interrupted', 100_000), '--json'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env,
    });
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
    });
    // Not 'exit', which may come before all that was printed has.
    const ended = once(child, 'close');
    const log = at('interrupted', 'log.jsonl');
    while (!(existsSync(log) && readFileSync(log, 'utf8').includes('"kind":"step"'))) await setTimeout(50);
    child.kill('SIGINT');
    expect(await ended).toEqual([130, null]);
    const stopped = JSON.parse(stdout) as { steps: number; stopped: boolean; checkpoint: string };
    expect(stopped.stopped).toBe(true);
    expect(existsSync(stopped.checkpoint)).toBe(true);

    const target = stopped.steps + 3;
    const resumed = await json(...args('interrupted', target), '--resume');
    const whole = await json(...args('uninterrupted', target));
    expect(tensorsOf(resumed.checkpoint)).toEqual(tensorsOf(whole.checkpoint));
  },
);

test('options from a file, the command line winning', async () => {
  writeFileSync(
    at('train.json'),
    JSON.stringify({
      data: at('faces'),
      maxSteps: 1,
      batchSize: 8,
      network: 'r8-narrow',
      inputSize: SIDE,
      threads: 1,
      lr: 0.01,
    }),
  );
  const trained = await json(
    'train',
    '--config',
    at('train.json'),
    '--output',
    at('configured'),
    '--max-steps',
    '2',
  );
  expect(trained.steps).toBe(2);
  const settings = JSON.parse(readFileSync(at('configured', 'run.json'), 'utf8')) as {
    options: { batchSize: number };
  };
  expect(settings.options.batchSize).toBe(8);
});

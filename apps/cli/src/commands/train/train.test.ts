import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSafetensors } from '@arcface/backbones';
import { encodePairsPack } from '@arcface/recordio';
import { readJsonLines } from '@arcface/trainer/node';
import { checkProvider } from 'tfjs-backend-onnxruntime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { CommandContext } from '../../cli/define-command.ts';
import { SilentConsole } from '../../cli/silent-console.ts';
import { type ModelFileOptions, readModelFile } from '../../model-file.ts';
import { runInProcess } from '../../testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../../testing/striped-faces.ts';
import { initialNetwork } from './initial-network.ts';
import { withoutReferenceFlags } from './reference-flags.ts';
import type { TrainCommandOptions } from './training-settings.ts';

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const train = (output: string, ...more: string[]) =>
  runInProcess(
    'train',
    '--data',
    at('faces'),
    '--output',
    at(output),
    '--batch-size',
    '8',
    '--threads',
    '1',
    ...more,
  );
const network = ['--network', 'r8-narrow', '--input-size', String(SIDE), '--embedding-size', '16'];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-train-'));
  await writeStripedFaces(at('faces'), { identities: 3, images: 8 });
  await writeStripedFaces(at('faces'), { identities: 1, images: 2, first: 3 });
  const { exitCode, stderr } = await train(
    'run',
    ...[...network, '--epochs', '2', '--images-filter', '3', '--frequent', '2', '--tensorboard'],
    ...[
      '--lr-epochs',
      '1',
      '--clip-norm',
      '5',
      '--accumulate',
      '2',
      '--checkpoint-epochs',
      '1',
      '--keep',
      '1',
    ],
  );
  expect(stderr).toContain('1 identities with fewer than 3 images are left out, and 2 images with them');
  expect(exitCode).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a run leaves its newest checkpoint, a record of every epoch, and its logs', async () => {
  const files = readdirSync(at('run', 'checkpoints')).sort();
  expect(files).toEqual([
    'dynamics-000000.safetensors',
    'dynamics-000001.safetensors',
    'step-00000006.safetensors',
  ]);
  const events = (await readJsonLines(at('run', 'log.jsonl'))) as {
    kind: string;
    step: number;
    learningRate: number;
  }[];
  const rates = events.filter(({ kind }) => kind === 'step').map(({ learningRate }) => learningRate);
  expect(rates).toEqual([0.1, 0.1, 0.1, 0.1 * 0.1, 0.1 * 0.1, 0.1 * 0.1]);
  const heads = events.filter(({ kind }) => kind === 'head');
  expect(heads.map(({ step }) => step)).toEqual([2, 4, 6]);
  expect(heads[0]).toMatchObject({
    subcenterShares: { length: 3 },
    targetAngle: { p50: expect.any(Number) },
  });
  const [tensorboard] = readdirSync(at('run', 'tensorboard'));
  const logged = readFileSync(at('run', 'tensorboard', tensorboard!)).toString('latin1');
  for (const tag of ['loss', 'learning rate', 'angle to target', 'head/dominant share'])
    expect(logged).toContain(tag);
});

test('sub-centres of a run are read where they are wanted', async () => {
  const read = (options: ModelFileOptions) =>
    readModelFile(at('run'), new SilentConsole({ json: false }), options);
  const [whole, network] = [await read({}), await read({ withSubcenters: false })];
  expect(whole.subcenters!.arrays).toHaveLength(1);
  expect(network.subcenters!.arrays).toEqual([]);
  expect(network.parameters).toEqual(whole.parameters);
});

test.each([
  ['onnxruntime:cuda', /--backend onnxruntime:cuda cannot be used: .*cuda does not work/],
  ['node-gpu', /--backend node-gpu needs @tensorflow\/tfjs-node-gpu/],
])('a run that %s cannot compute is told why, and left as it is', async (backend, reason) => {
  if (backend === 'onnxruntime:cuda' && checkProvider('cuda').available) return;
  vi.stubEnv('ARCFACE_TFJS_NODE_GPU', at());
  const contents = () =>
    readdirSync(at('run'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name)).toString('base64')]);
  const before = contents();
  const { exitCode, stderr } = await train(
    'run',
    ...[...network, '--epochs', '3', '--images-filter', '3', '--resume', '--backend', backend],
  );
  vi.unstubAllEnvs();
  expect(stderr).toMatch(reason);
  expect(exitCode).toBe(1);
  expect(contents()).toEqual(before);
});

test('a run goes on from the network of another, with a part of it frozen', async () => {
  const { exitCode, stderr, stdout } = await train(
    'tuned',
    '--init',
    at('run'),
    '--freeze',
    'conv0,bn0',
    '--max-steps',
    '2',
    '--json',
  );
  expect(stderr).toMatch(/starting from the network r8-narrow of .*step-00000006/);
  expect(exitCode).toBe(0);
  const tensors = (path: string) => parseSafetensors(readFileSync(path)).tensors;
  const before = tensors(at('run', 'checkpoints', 'step-00000006.safetensors'));
  const after = tensors(JSON.parse(stdout).checkpoint);
  const changed = before.filter(({ name, data }) => {
    const now = after.find((tensor) => tensor.name === name);
    return now !== undefined && !bytesOf(data).equals(bytesOf(now.data));
  });
  const names = changed.map(({ name }) => name);
  expect(names.filter((name) => /^a..:(conv0|bn0)_/.test(name))).toEqual([]);
  expect(names.filter((name) => name.startsWith('arg:stage1_')).length).toBeGreaterThan(5);
});

test('a run is described by a file, and the command line wins', async () => {
  writeFileSync(
    at('run.json'),
    JSON.stringify({
      network: 'r8-narrow',
      inputSize: SIDE,
      embeddingSize: 16,
      freeze: ['conv0'],
      maxSteps: 9,
      dynamics: false,
    }),
  );
  const { exitCode, stdout } = await train(
    'configured',
    '--config',
    at('run.json'),
    '--max-steps',
    '1',
    '--json',
  );
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout).steps).toBe(1);
  expect(readdirSync(at('configured', 'checkpoints'))).toEqual(['step-00000001.safetensors']);
});

test('ranks train together, with their own share of every batch', async () => {
  const { exitCode, stdout, stderr } = await train(
    'ranks',
    ...network,
    ...['--ranks', '2', '--max-steps', '2', '--json'],
  );
  expect(stderr).not.toContain('error');
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ steps: 2, loss: expect.any(Number) });
  expect(readdirSync(at('ranks', 'checkpoints'))).toContain('step-00000002.safetensors');
});

test('a network of segments that are computed again trains as the whole one', async () => {
  const lossOf = async (...more: string[]): Promise<number> => {
    const { stdout, exitCode } = await train(
      `segments-${more.length}`,
      ...network,
      '--max-steps',
      '3',
      ...more,
      '--json',
    );
    expect(exitCode).toBe(0);
    return (JSON.parse(stdout) as { loss: number }).loss;
  };
  expect(await lossOf('--segments', '3')).toBeCloseTo(await lossOf(), 3);
  // What the network is asked for gets there: it knows what it cannot be.
  const none = { network: 'r8-narrow', segments: Number.NaN, seed: 0 } as TrainCommandOptions;
  await expect(initialNetwork(none, {} as CommandContext)).rejects.toThrow(/segments must be/);
});

describe('refuses', () => {
  test.each<[string, string[], number, RegExp]>([
    [
      'a new network beside a model',
      ['--init', 'run', '--width', '2'],
      2,
      /--init gives a whole network.*width 2/,
    ],
    [
      'a part that is not there',
      [...network, '--freeze', 'stage9'],
      1,
      /no parameter of r8-narrow begins with "stage9"/,
    ],
    [
      'parts that are not even',
      [...network, '--accumulate', '3'],
      1,
      /accumulate must divide the batch size 8/,
    ],
    ['a filter that leaves nothing', [...network, '--images-filter', '9'], 1, /No identity has 9 images/],
    [
      'two places of the schedule',
      [...network, '--lr-steps', '1', '--lr-epochs', '1'],
      2,
      /either --lr-steps or --lr-epochs/,
    ],
    [
      'segments of thread ranks',
      [...network, '--segments', '2', '--ranks', '2'],
      2,
      /does not go with --ranks/,
    ],
    [
      'segments of synchronised ones',
      [...network, '--segments', '2', '--sync-batch-norm'],
      2,
      /sync-batch-norm/,
    ],
    ["the reference's way to save nothing", [...network, '--ckpt', '0'], 2, /--ckpt.*Expected 1, 2 or 3/],
    ["the reference's ranks", [...network, '--kvstore', 'device'], 2, /--kvstore.*no meaning here.*--ranks/],
    [
      'the same thing twice',
      [...network, '--verbose', '5', '--verify-every', '5'],
      2,
      /either --verify-every or --verbose/,
    ],
  ])('%s', async (_name, flags, code, message) => {
    const { exitCode, stderr } = await train('refused', ...flags);
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(code);
    expect(existsSync(at('refused', 'checkpoints'))).toBe(false);
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    [
      'that has nothing to verify',
      () => Buffer.concat([...encodePairsPack({ images: [], isSame: [] })]),
      /lfw\.bin has 0 pairs, 0 of them of one person.*Move it out of the folder/,
    ],
    [
      'with an image that cannot be decoded',
      () => {
        const face = readFileSync(at('faces', 'person-00', '00.jpg'));
        const images = [face, face, face, Buffer.from('no image')];
        return Buffer.concat([...encodePairsPack({ images, isSame: [true, false] })]);
      },
      /lfw\.bin has an image that cannot be decoded, image 3: .*Move it out/,
    ],
    ['that is none', () => Buffer.from('weights'), /lfw\.bin is not a verification pack: .*Move it out/],
  ])('a pack %s, before the first step', async (_name, pack, message) => {
    writeFileSync(at('faces', 'lfw.bin'), pack());
    const { exitCode, stderr } = await train('refused', ...network);
    rmSync(at('faces', 'lfw.bin'));
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(1);
    expect(existsSync(at('refused'))).toBe(false);
  });
});

test("the reference's flags mean ours", () => {
  const typed = {
    network: 'r50',
    dataset: 'emore',
    loss: 'arcface',
    perBatchSize: 128,
    verbose: 2000,
    modelsRoot: 'models',
    extraModelName: 'x',
    pretrained: 'p/model',
    pretrainedEpoch: 3,
  };
  expect(withoutReferenceFlags(typed as unknown as TrainCommandOptions, 4)).toMatchObject({
    data: '../datasets/faces_emore',
    output: join('models', 'r50-arcface-emore-x'),
    batchSize: 512,
    verifyEvery: 2000,
    checkpointEvery: 2000,
    init: 'p/model,3',
  });
});

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

test.each(['softmax', 'triplet', 'atriplet'])('--loss %s trains, and its model embeds', async (loss) => {
  const flags = [...network, '--images-filter', '3', '--max-steps', '2', '--lr', '.01', '--loss', loss];
  expect((await train(loss, ...flags, '--subcenters', '3')).stderr).toContain('has no meaning with --loss');
  const { exitCode, stderr } = await train(loss, ...flags);
  expect(stderr).not.toContain('NaN');
  expect(exitCode).toBe(0);
  const embedded = await runInProcess(
    ...['embed', '--model', at(loss), '--data', at('faces'), '--output', at(`${loss}.npy`), '--threads', '1'],
  );
  expect(embedded.exitCode).toBe(0);
});

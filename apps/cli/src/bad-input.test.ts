import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
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
import { parseNdArrays, serializeNdArrays } from '@arcface/backbones';
import { writeFaceDataset } from '@arcface/recordio/node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundledCommandLine } from './testing/bundled-command-line.ts';
import { type Outcome, runInProcess } from './testing/run-in-process.ts';
import { SIDE, stripedFace, writeStripedFaces } from './testing/striped-faces.ts';

/* Whatever is wrong with the input: one clear message, the right exit code, no stack trace, nothing half-written. */

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);
const network = ['--network', 'r8-narrow', '--input-size', String(SIDE), '--embedding-size', '16'];
const training = [...network, '--batch-size', '8', '--max-steps', '2', '--threads', '1'];
const train = (data: string, output: string, ...more: string[]) =>
  runInProcess('train', '--data', at(data), '--output', at(output), ...training, ...more);
const drop = (data: string, output: string, ...more: string[]) =>
  runInProcess(
    'drop',
    '--data',
    at(data),
    '--model',
    at('run'),
    '--output',
    at(output),
    '--threads',
    '1',
    ...more,
  );

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-bad-input-'));
  await writeStripedFaces(at('faces'), { identities: 3, images: 8 });
  await pack('records', [0, 1, 2]);
  const { exitCode, stderr } = await train('faces', 'run');
  expect(stderr).not.toContain('error');
  expect(exitCode).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The striped faces as records, with these labels for the three identities. */
async function pack(name: string, labels: readonly number[]): Promise<void> {
  async function* images() {
    for (const [identity, label] of labels.entries()) {
      for (let image = 0; image < 8; image++) yield { label, bytes: await stripedFace(identity, image) };
    }
  }
  await writeFaceDataset({ directory: at(name), layout: 'insightface', images: images() });
}

function refused(
  { exitCode, stdout, stderr }: Outcome,
  expected: { readonly exitCode: number; readonly message: RegExp },
): void {
  expect(stderr).toMatch(expected.message);
  expect(stderr).not.toMatch(/\n\s+at .*:\d+:\d+/);
  expect(stdout).toBe('');
  expect(exitCode).toBe(expected.exitCode);
}

describe('wrong usage ends with 2', () => {
  test.each<[string, string[], RegExp]>([
    ['no such command', ['tarin'], /unknown command 'tarin'/],
    ['no such option', ['train', '--epoch', '3'], /unknown option '--epoch'/],
    ['not a number', ['train', '--epochs', 'many'], /--epochs.*Expected a number/s],
    ['out of range', ['drop', '--threshold', '200'], /--threshold.*0 to 180/s],
    ['a required option missing', ['train', '--output', 'x'], /--data is missing/],
    [
      'contradicting options',
      ['train', '--data', 'x', '--output', 'y', '--resume', '--overwrite'],
      /contradict/,
    ],
    ['an option that is empty', ['drop', '--data', 'x', '--output', ''], /--output has an empty value/],
    [
      'an option without its value',
      ['drop', '--data', '--output', 'y'],
      /--data has no value: --output behind/,
    ],
    ['an argument that is empty', ['clean', '', '--output', 'y'], /argument is an empty text/],
    ['pairs given in no way', ['verify', '--model', 'x'], /--bin FILE or as --pairs/],
    ['no such backend', ['bench', '--backend', 'abacus'], /abacus does not exist.*onnxruntime/s],
  ])('%s', async (_, args, message) => refused(await runInProcess(...args), { exitCode: 2, message }));

  test('a configuration with an unknown option', async () => {
    writeFileSync(at('typo.json'), JSON.stringify({ batchsize: 3 }));
    refused(await runInProcess('train', '--config', at('typo.json')), {
      exitCode: 2,
      message: /"batchsize".*batchSize/s,
    });
  });
});

test('data that is not there', async () => {
  refused(await train('nowhere', 'out-1'), { exitCode: 1, message: /nowhere/ });
  expect(existsSync(at('out-1'))).toBe(false);
});

test('an empty folder', async () => {
  mkdirSync(at('empty'));
  refused(await train('empty', 'out-2'), { exitCode: 1, message: /No image in .*empty.*folder of folders/ });
});

test('an identity with one image stays in, and it is said', async () => {
  cpSync(at('faces'), at('single'), { recursive: true });
  mkdirSync(at('single', 'zoe'));
  copyFileSync(at('faces', 'person-00', '00.jpg'), at('single', 'zoe', 'only.jpg'));
  const { exitCode, stderr } = await train('single', 'run-single');
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/1 of 4 identities have a single image; they stay in/);
});

test('undecodable images are skipped in training, dropped by drop, and named', async () => {
  cpSync(at('faces'), at('broken'), { recursive: true });
  writeFileSync(at('broken', 'person-01', '03.jpg'), 'this is no JPEG');
  const whole = readFileSync(at('faces', 'person-02', '05.jpg'));
  writeFileSync(at('broken', 'person-02', '05.jpg'), whole.subarray(0, whole.length >> 1));
  const trained = await train('broken', 'run-broken', '--max-steps', '3');
  expect(trained.exitCode).toBe(0);
  expect(trained.stderr).toMatch(/person-0[12]\/0[35]\.jpg cannot be decoded and is skipped/);

  const dropped = await drop('broken', 'out-broken', '--json', '--threshold', '180');
  expect(dropped.exitCode).toBe(0);
  expect(JSON.parse(dropped.stdout)).toMatchObject({ images: 24, kept: 22, dropped: 2, undecodable: 2 });
  const rows = readFileSync(at('out-broken', 'audit.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(rows).toHaveLength(24);
  expect(rows[8 + 3]).toMatchObject({
    key: 'person-01/03.jpg',
    decision: 'drop',
    rule: 'undecodable',
    angle: null,
  });
});

test('a folder in which nothing can be decoded', async () => {
  for (let i = 0; i < 9; i++) {
    const person = at('nonsense', i < 5 ? 'someone' : 'another');
    mkdirSync(person, { recursive: true });
    writeFileSync(join(person, `${i}.jpg`), 'nonsense');
  }
  refused(await train('nonsense', 'out-3'), { exitCode: 1, message: /None of the 9 images can be decoded/ });
});

test('a truncated .rec', async () => {
  cpSync(at('records'), at('truncated'), { recursive: true });
  const records = readFileSync(at('records', 'train.rec'));
  writeFileSync(at('truncated', 'train.rec'), records.subarray(0, records.length >> 1));
  refused(await drop('truncated', 'out-4'), { exitCode: 1, message: /train\.rec/ });
  expect(existsSync(at('out-4'))).toBe(false);
});

test("another file's .idx", async () => {
  cpSync(at('records'), at('mixed-up'), { recursive: true });
  await pack('others', [0, 1]);
  copyFileSync(at('others', 'train.idx'), at('mixed-up', 'train.idx'));
  refused(await drop('mixed-up', 'out-5'), { exitCode: 1, message: /index|\.idx/ });
});

test('labels with gaps: trained by identity, dropped by identity, and it is said', async () => {
  await pack('gaps', [2, 5, 11]);
  const trained = await train('gaps', 'run-gaps');
  expect(trained.exitCode).toBe(0);
  expect(trained.stderr).toMatch(/classes are numbered by the identities/);
  const dropped = await runInProcess(
    'drop',
    '--data',
    at('gaps'),
    '--model',
    at('run-gaps'),
    '--output',
    at('out-gaps'),
    '--threshold',
    '180',
    '--threads',
    '1',
    '--json',
  );
  expect(dropped.exitCode).toBe(0);
  expect(JSON.parse(dropped.stdout)).toMatchObject({ kept: 24, identitiesKept: 3 });
  // The same head taken to be ordered by label has too few classes.
  const wrong = await runInProcess(
    'drop',
    '--data',
    at('gaps'),
    '--model',
    at('run-gaps'),
    '--output',
    at('out-6'),
    '--class-order',
    'label',
    '--threads',
    '1',
  );
  refused(wrong, { exitCode: 1, message: /3 classes but labels go up to 11/ });
});

describe('a checkpoint that does not fit', () => {
  test('no model there', async () => {
    refused(await drop('faces', 'out-7', '--model', at('no-run')), {
      exitCode: 1,
      message: /There is no model .*no-run/,
    });
    refused(await drop('faces', 'out-7', '--model', `${at('no')},3`), {
      exitCode: 1,
      message: /no-symbol\.json/,
    });
  });

  test('another K than it was trained with', async () => {
    refused(await drop('faces', 'out-8', '--k', '2'), {
      exitCode: 1,
      message: /trained with 3 sub-centres an identity, not 2/,
    });
  });

  test('trained on other data', async () => {
    await writeStripedFaces(at('more'), { identities: 5, images: 8 });
    refused(await drop('more', 'out-9'), { exitCode: 1, message: /3 classes but there are 5 identities/ });
  });

  test('a damaged checkpoint is named and the one before it is used', async () => {
    const { exitCode } = await train('faces', 'run-damaged', '--checkpoint-every', '1');
    expect(exitCode).toBe(0);
    const files = readdirSync(at('run-damaged', 'checkpoints')).sort();
    const checkpoints = files.filter((name) => name.startsWith('step-'));
    expect(checkpoints).toHaveLength(2);
    const newest = at('run-damaged', 'checkpoints', checkpoints[1]!);
    const bytes = readFileSync(newest);
    bytes[bytes.length - 5]! ^= 1;
    writeFileSync(newest, bytes);
    const dropped = await drop('faces', 'out-10', '--model', at('run-damaged'), '--threshold', '180');
    expect(dropped.stderr).toMatch(/step-00000002.*SHA-256.*The one before it is used/s);
    expect(dropped.exitCode).toBe(0);
  });

  const shared = new URL('../../../../shared/data/mobilefacenet-y1/', import.meta.url);
  test.skipIf(!existsSync(shared))(
    'an MXNet checkpoint without sub-centres, and one whose rows K does not divide (needs ../shared)',
    async () => {
      const symbol = readFileSync(new URL('model-symbol.json', shared));
      const { arrays } = parseNdArrays(readFileSync(new URL('model-0000.params', shared)));
      const write = (name: string, more: typeof arrays) => {
        const all = [...arrays, ...more];
        writeFileSync(at(`${name}-symbol.json`), symbol);
        writeFileSync(
          at(`${name}-0000.params`),
          serializeNdArrays({ names: all.map((array) => array.name), arrays: all }),
        );
      };
      write('bare', []);
      refused(await drop('faces', 'out-11', '--model', `${at('bare')},0`), {
        exitCode: 1,
        message: /no sub-centres: expected arrays fc7_0_weight/,
      });
      write('odd', [
        {
          name: 'arg:fc7_0_weight',
          shape: [10, 128],
          dtype: 'float32',
          data: new Float32Array(1280).fill(1),
        },
      ]);
      refused(await drop('faces', 'out-12', '--model', `${at('odd')},0`, '--k', '3'), {
        exitCode: 1,
        message: /10 rows cannot be 3 sub-centres/,
      });
    },
  );
});

test('an output folder that has something in it', async () => {
  mkdirSync(at('used'));
  writeFileSync(at('used', 'thesis.txt'), 'mine');
  refused(await drop('faces', 'used'), { exitCode: 1, message: /used is not empty.*--overwrite/ });
  refused(await train('faces', 'used'), {
    exitCode: 1,
    message: /used is not empty.*--resume or --overwrite/,
  });
  expect(readdirSync(at('used'))).toEqual(['thesis.txt']);
  const { exitCode } = await drop('faces', 'used', '--overwrite', '--threshold', '180');
  expect(exitCode).toBe(0);
  expect(readFileSync(at('used', 'thesis.txt'), 'utf8')).toBe('mine');
});

test('a threshold that leaves nothing', async () => {
  refused(await drop('faces', 'out-13', '--threshold', '0'), {
    exitCode: 1,
    message: /No image would be left/,
  });
  expect(existsSync(at('out-13'))).toBe(false);
});

// A limit on the size of files makes writes fail in the middle, as a full disk does.
test.skipIf(process.platform === 'win32')('a disk that fills up', async () => {
  const main = await bundledCommandLine(at('program'));
  const args = [
    'drop',
    '--data',
    at('faces'),
    '--model',
    at('run'),
    '--output',
    at('full'),
    '--threshold',
    '180',
    '--threads',
    '1',
  ];
  const quoted = args.map((arg) => `'${arg}'`).join(' ');
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', `trap '' XFSZ; ulimit -f 8; exec '${process.execPath}' '${main}' ${quoted}`],
    { encoding: 'utf8' },
  );
  expect(stderr).toMatch(/error: Cannot write .*full.*(EFBIG|file too large)/i);
  expect(status).toBe(1);
  // Embeddings that are whole are kept for the next try; of the output there is nothing.
  expect(readdirSync(folder).filter((name) => name.includes('full'))).toEqual(['full.work']);
  expect(readdirSync(at('full.work')).filter((name) => name.includes('partial'))).toEqual([]);
});

test('an output that is the input loses nothing of it', async () => {
  cpSync(at('records'), at('own'), { recursive: true });
  const before = readFileSync(at('own', 'train.rec'));
  const message = /own would replace the records that are read/;
  refused(await drop('own/train.rec', 'own', '--overwrite'), { exitCode: 1, message });
  const noise = ['noise', '--kind', 'closed', '--rate', '.5', '--overwrite'];
  refused(await runInProcess(...noise, '--data', at('own'), '--output', at('own')), { exitCode: 1, message });
  expect(readFileSync(at('own', 'train.rec')).equals(before)).toBe(true);
});

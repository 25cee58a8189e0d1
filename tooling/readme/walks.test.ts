import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  createBackbone,
  exportOnnx,
  exportParameters,
  serializeMxnetSymbol,
  serializeNdArrays,
} from '@arcface/backbones';
import { writeFaceDataset } from '@arcface/recordio/node';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { serializeOnnxModel } from 'onnx-format';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInProcess } from '../../apps/cli/src/testing/run-in-process.ts';
import { stripedFace } from '../../apps/cli/src/testing/striped-faces.ts';
import { arcfaceArguments, shellCommands } from './shell-commands.ts';

/*
 * Pages whose commands are carried out, one after another, in a folder that has what their reader has: faces in folders, a network
 * in ONNX and in MXNet's form, photos with landmarks, pairs. Training is shortened; nothing else is changed.
 */
const WALKS = [
  'docs/start.md',
  'docs/guides/clean-a-folder.md',
  'docs/guides/phone-photos.md',
  'docs/guides/train-your-own.md',
  'docs/guides/reproduce-the-paper.md',
  'docs/guides/from-mxnet.md',
  'docs/guides/from-arcface-torch.md',
];

const SHORT: Readonly<Record<string, readonly string[]>> = {
  train: [
    ...[
      '--network',
      'r8-narrow',
      '--input-size',
      '32',
      '--embedding-size',
      '16',
      '--epochs',
      '1',
      '--batch-size',
      '8',
    ],
    ...['--lr', '.01', '--threads', '1'],
  ],
  demo: [
    '--identities',
    '8',
    '--images-per-identity',
    '8',
    '--epochs',
    '1',
    '--held-out-people',
    '20',
    '--threads',
    '1',
  ],
  embed: ['--threads', '1'],
};

const NAMES = ['anna', 'bob', 'carla', 'dora', 'emil', 'fred'];
const IMAGES = 6;
const root = fileURLToPath(new URL('../../', import.meta.url));
const home = process.cwd();
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-walks-'));
  await tf.setBackend('cpu');
});
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

describe.each(WALKS)('%s', (page) => {
  const markdown = readFileSync(join(root, page), 'utf8');
  test('can be walked', async () => {
    const place = join(folder, page.replaceAll('/', '-'));
    mkdirSync(place);
    // What a configuration file imports is found where a clone has it.
    symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'), 'junction');
    process.chdir(place);
    await writeWhatTheReaderHas(markdown);
    for (const { line, words } of shellCommands(markdown)) {
      const args = arcfaceArguments(words);
      if (args === undefined) {
        echo(words);
        continue;
      }
      const { exitCode, stderr } = await runInProcess(...args, ...(SHORT[args[0]!] ?? []));
      expect(`line ${line}: exit code ${exitCode} ${exitCode === 0 ? '' : stderr}`).toBe(
        `line ${line}: exit code 0 `,
      );
    }
  });
});

/** The one other command that a walk has: a line of text into a file. */
function echo([command, text, arrow, file]: readonly string[]): void {
  expect([command, arrow]).toEqual(['echo', '>']);
  writeFileSync(file!, `${text}\n`);
}

async function writeWhatTheReaderHas(markdown: string): Promise<void> {
  // Where the page makes them, they are not there before.
  const hasFaces = !markdown.includes('--output faces\n');
  const images: { label: number; bytes: Uint8Array }[] = [];
  for (const [label, name] of NAMES.entries()) {
    for (let image = 1; image <= IMAGES; image++) {
      const bytes = await stripedFace(label, image);
      images.push({ label, bytes });
      write(`lfw-112x112/${name}/${name}_000${image}.jpg`, bytes);
      if (hasFaces && !markdown.includes('faces/train.rec')) write(`faces/${name}/00${image}.jpg`, bytes);
    }
  }
  if (markdown.includes('faces/train.rec')) {
    await writeFaceDataset({
      directory: 'faces',
      layout: 'insightface',
      images: images[Symbol.iterator]() as never,
    });
  }
  write('pairs.txt', pairs());
  const photo = await sharp({
    create: { width: 3000, height: 2000, channels: 3, background: { r: 90, g: 60, b: 40 } },
  });
  write('photos/anna/IMG_0412.jpg', await photo.jpeg().toBuffer());
  write('landmarks.jsonl', /```jsonl\n([\s\S]*?)```/.exec(markdown)?.[1] ?? '');
  write('run.ts', configured(markdown));

  const backbone = createBackbone({ network: 'y1', width: 0.25 });
  const arrays = exportParameters(backbone);
  write('model-symbol.json', serializeMxnetSymbol(backbone.graph));
  write('model-0000.params', serializeNdArrays({ names: arrays.map(({ name }) => name), arrays }));
  write('face.onnx', serializeOnnxModel(exportOnnx(backbone)));
  backbone.dispose();
}

/** LFW's list: two folds of three pairs of one person each, and three of two people. */
function pairs(): string {
  const lines = [`10\t1`];
  for (let fold = 0; fold < 10; fold++) {
    const [one, other] = [NAMES[fold % 6]!, NAMES[(fold + 1) % 6]!];
    lines.push(`${one}\t1\t${2 + (fold % 5)}`, `${one}\t3\t${other}\t4`);
  }
  return `${lines.join('\n')}\n`;
}

/** The settings that the page keeps in a file. */
function configured(markdown: string): string {
  return /```ts\n([\s\S]*?defineConfig[\s\S]*?)```/.exec(markdown)?.[1] ?? '';
}

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

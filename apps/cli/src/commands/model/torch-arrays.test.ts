/* Safetensors files that PyTorch's programs write hold arrays and say nothing of a network: it is found by their names. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BackboneConfig,
  createBackbone,
  exportParameters,
  type NamedArray,
  parseSafetensors,
  serializeSafetensors,
} from '@arcface/backbones';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { useBackend } from '../../backend.ts';
import { runInProcess } from '../../testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../../testing/striped-faces.ts';

const IRESNET = {
  network: 'iresnet18',
  blocks: [1, 2, 1, 1],
  filters: [16, 16, 16, 32, 32],
  embeddingSize: 16,
  inputSize: SIDE,
};

let folder: string;
let arrays: readonly NamedArray[];
const at = (...parts: string[]) => join(folder, ...parts);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-arrays-'));
  await writeStripedFaces(at('faces'), { identities: 2, images: 4 });
  await useBackend({ backend: 'onnxruntime', threads: 1 });
  const backbone = createBackbone(IRESNET);
  arrays = exportParameters(backbone, { prefixes: false });
  backbone.dispose();
  write('face', arrays);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, tensors: readonly NamedArray[]): string {
  const path = at(`${name}.safetensors`);
  writeFileSync(path, serializeSafetensors({ tensors, metadata: { format: 'pt' } }));
  return path;
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await runInProcess(...args, '--json');
  expect(stderr).not.toMatch(/^error/m);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function embedded(model: string, ...more: string[]): Promise<Buffer> {
  const output = ['--output', at('e.npy'), '--overwrite', '--threads', '1'];
  const found = await json('embed', '--model', model, '--data', at('faces'), ...output, ...more);
  expect(found).toMatchObject({ images: 8, dimensions: 16 });
  return readFileSync(at('e.npy'));
}

async function refused(message: RegExp, ...args: string[]): Promise<void> {
  const before = readdirSync(folder);
  const { exitCode, stdout, stderr } = await runInProcess(...args);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n\s+at .*:\d+:\d+/);
  expect([exitCode, stdout]).toEqual([1, '']);
  expect(readdirSync(folder)).toEqual(before);
}

test('its depth, widths and sizes are read off the arrays', async () => {
  expect(await json('model', 'info', at('face.safetensors'))).toMatchObject({
    name: 'iresnet18',
    inputShape: [SIDE, SIDE, 3],
    embeddingSize: 16,
  });
  const { stderr } = await runInProcess('model', 'info', at('face.safetensors'));
  expect(stderr).toMatch(/face\.safetensors: the arrays of iresnet18, for images of 32x32x3/);
});

test('it embeds, and what it is converted to embeds the same; plain names give the same arrays again', async () => {
  const expected = await embedded(at('face.safetensors'));
  const wrapped = arrays.map((array) => ({ ...array, name: `module.${array.name}` }));
  expect(await embedded(write('wrapped', wrapped))).toEqual(expected);

  await json('model', 'convert', at('face.safetensors'), '--to', 'mxnet', '--output', `${at('mx')},1`);
  expect(await embedded(`${at('mx')},1`, '--input-size', String(SIDE))).toEqual(expected);
  await json(
    'model',
    'convert',
    at('face.safetensors'),
    '--to',
    'safetensors',
    '--output',
    at('own.safetensors'),
  );
  expect(await embedded(at('own.safetensors'))).toEqual(expected);

  const plain = ['--to', 'safetensors', '--plain-names', '--output', at('plain.safetensors')];
  await json('model', 'convert', at('own.safetensors'), ...plain);
  const { tensors, metadata } = parseSafetensors(readFileSync(at('plain.safetensors')));
  expect(metadata).toEqual({ format: 'pt' });
  expect(tensors.map(({ name, shape }) => [name, shape])).toEqual(
    arrays.map(({ name, shape }) => [name, shape]),
  );
  expect(await embedded(at('plain.safetensors'))).toEqual(expected);
});

test('in bfloat16 it is embedded with, converted and exported as well', async () => {
  const halves = arrays.map(
    ({ name, shape, data }): NamedArray => ({
      ...{ name, shape, dtype: 'bfloat16' },
      data: Uint16Array.from(
        new Uint32Array(data.buffer, data.byteOffset, data.length),
        (bits) => bits >>> 16,
      ),
    }),
  );
  const path = write('halves', halves);
  const expected = await embedded(path);
  expect(expected).not.toEqual(await embedded(at('face.safetensors')));
  await json('model', 'convert', path, '--to', 'mxnet', '--output', `${at('halves')},1`);
  expect(await embedded(`${at('halves')},1`, '--input-size', String(SIDE))).toEqual(expected);
  await json('model', 'convert', path, '--to', 'safetensors', '--output', at('halves-own.safetensors'));
  const { tensors } = parseSafetensors(readFileSync(at('halves-own.safetensors')));
  expect(new Set(tensors.map(({ dtype }) => dtype))).toEqual(new Set(['bfloat16']));
  await json('model', 'export', path, '--output', at('halves.onnx'));
});

test('it is exported', async () => {
  await json('model', 'export', at('face.safetensors'), '--output', at('face.onnx'));
  const rows = (file: Buffer) => new Float32Array(new Uint8Array(file.subarray(-8 * 16 * 4)).buffer);
  const expected = rows(await embedded(at('face.safetensors')));
  const found = rows(await embedded(at('face.onnx')));
  const largest = Math.max(...expected.map(Math.abs));
  found.forEach((value, i) => {
    expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * largest);
  });
});

const info = (path: string, ...more: string[]) => ['model', 'info', path, ...more];
const embedding = (model: string) => [
  ...['embed', '--data', at('faces'), '--output', at('x.npy'), '--model', model],
];

describe('images of another height than width', () => {
  const oblong = (config: BackboneConfig): NamedArray[] => {
    const backbone = createBackbone(config);
    const made = exportParameters(backbone, { prefixes: false });
    backbone.dispose();
    return made;
  };

  test('are told by the arrays of a MobileFaceNet, and can be said of a ResNet', async () => {
    const mbf = { network: 'mbf', blocks: [1, 1, 1, 1], width: 0.25, embeddingSize: 16 };
    const wide = write('mbf-wide', oblong({ ...mbf, inputSize: [32, 48] }));
    expect(await json('model', 'info', wide)).toMatchObject({ inputShape: [32, 48, 3] });
    const path = write('iresnet-wide', oblong({ ...IRESNET, inputSize: [32, 48] }));
    await refused(/fc\.weight has the shape \[16,1568\].*\[16,192\].*--input-size/s, 'model', 'info', path);
    const size = ['--input-size', '32x48'];
    expect(await json('model', 'info', path, ...size)).toMatchObject({ inputShape: [32, 48, 3] });
    const rows = (file: Buffer) => new Float32Array(new Uint8Array(file.subarray(-8 * 16 * 4)).buffer);
    const expected = rows(await embedded(path, ...size));
    await json('model', 'export', path, ...size, '--output', at('wide.onnx'));
    await json('model', 'convert', path, ...size, '--to', 'mxnet', '--output', `${at('wide')},1`);
    for (const found of [await embedded(at('wide.onnx')), await embedded(`${at('wide')},1`, ...size)]) {
      rows(found).forEach((value, i) => {
        expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * Math.max(...expected.map(Math.abs)));
      });
    }
    await refused(
      /32x48 \(height x width\), not 48x32/,
      ...embedding(at('wide.onnx')),
      '--input-size',
      '48x32',
    );
  });

  test('must be possible for the network', async () => {
    const dense = write('dense', oblong({ network: 'd121', blocks: [1, 1, 1, 1], inputSize: 32 }));
    await refused(
      /does not fit into 1 .*image too small\?/,
      ...info(dense),
      '--network',
      'd121',
      '--input-size',
      '32x8',
    );
    const { exitCode, stderr } = await runInProcess(...info(dense), '--input-size', '32x');
    expect(stderr).toMatch(/height x width such as 112x96/);
    expect(exitCode).toBe(2);
  });
});

describe('what is amiss is said', () => {
  test('a name, with the nearest', async () => {
    const renamed = arrays.map((array) =>
      array.name === 'layer2.1.bn1.bias' ? { ...array, name: 'layer2.1.norm1.bias' } : array,
    );
    const path = write('renamed', renamed);
    await refused(
      /renamed\.safetensors: .*arg:layer2\.1\.bn1\.bias \(nearest: layer2\.1\.norm1\.bias\).*--network/s,
      ...info(path),
    );
  });

  test('a shape, with the one that is wanted', async () => {
    const bent = arrays.map((array) =>
      array.name === 'bn2.weight' ? { ...array, shape: [31], data: array.data.slice(1) } : array,
    );
    const path = write('bent', bent as NamedArray[]);
    await refused(
      /bent\.safetensors: .*bn2\.weight has the shape \[32\], the array given for it \[31\]/,
      ...info(path),
    );
  });

  test('another network than was said, or none', async () => {
    const path = at('face.safetensors');
    await refused(
      /iresnet50: \d+ missing: arg:layer1\.1\.bn1\.weight/,
      ...info(path, '--network', 'iresnet50'),
    );
    await refused(
      /no network "iresnet19"; the nearest are iresnet18/,
      ...info(path, '--network', 'iresnet19'),
    );
    const other = write('other', [
      { name: 'embeddings', shape: [2, 2], dtype: 'float32', data: new Float32Array(4) },
    ]);
    await refused(/no network that is known here has parameters such as embeddings \[2,2\]/, ...info(other));
    writeFileSync(at('face.pth'), 'PK');
    await refused(/face\.pth is not read: a pickle.*save_file/, ...info(at('face.pth')));
  });

  test('what other models say themselves', async () => {
    const embed = [
      'embed',
      '--data',
      at('faces'),
      '--output',
      at('x.npy'),
      '--network',
      'iresnet18',
      '--model',
    ];
    await refused(/says itself which network it is/, ...embed, `${at('mx')},1`);
    await refused(/says itself which network it is/, ...embed, at('own.safetensors'));
    await refused(/says itself which network it is/, ...embed, at('face.onnx'));
  });
});

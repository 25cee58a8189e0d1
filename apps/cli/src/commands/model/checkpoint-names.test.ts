/* MXNet checkpoints whose arrays are not quite those of their symbol: every command that reads them says so alike. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  backboneToMxnet,
  createBackbone,
  type NamedArray,
  parseNdArrays,
  serializeNdArrays,
} from '@arcface/backbones';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { useBackend } from '../../backend.ts';
import { runInProcess } from '../../testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../../testing/striped-faces.ts';

let folder: string;
let symbol: string;
let arrays: readonly NamedArray[];
const at = (...parts: string[]) => join(folder, ...parts);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-names-'));
  await writeStripedFaces(at('faces'), { identities: 2, images: 2 });
  await useBackend({ backend: 'onnxruntime', threads: 1 });
  const backbone = createBackbone({ network: 'r8-narrow', inputSize: SIDE, embeddingSize: 16 });
  const checkpoint = backboneToMxnet(backbone);
  backbone.dispose();
  symbol = checkpoint.symbol;
  arrays = parseNdArrays(checkpoint.params).arrays;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A checkpoint of these arrays, as MODEL. */
function write(prefix: string, changed: readonly NamedArray[]): string {
  writeFileSync(at(`${prefix}-symbol.json`), symbol);
  const names = changed.map(({ name }) => name);
  writeFileSync(at(`${prefix}-0000.params`), serializeNdArrays({ names, arrays: changed }));
  return `${at(prefix)},0`;
}

const size = ['--input-size', String(SIDE)];
const commands: readonly [string, (model: string) => string[]][] = [
  ['info', (model) => ['model', 'info', model, ...size]],
  [
    'convert',
    (model) => ['model', 'convert', model, ...size, '--to', 'safetensors', '--output', at('x.safetensors')],
  ],
  ['export', (model) => ['model', 'export', model, ...size, '--output', at('x.onnx')]],
  ['embed', (model) => ['embed', '--model', model, ...size, '--data', at('faces'), '--output', at('x.npy')]],
];

test.each(commands)('%s names what is missing, with the nearest, and both shapes', async (_, command) => {
  const renamed = arrays.map((array) =>
    array.name === 'arg:stage1_unit1_conv1_weight'
      ? { ...array, name: 'arg:stage1_unit1_convl_weight' }
      : array,
  );
  const wide = arrays.map((array) =>
    array.name === 'arg:pre_fc1_weight' ? { ...array, shape: [32, array.shape[1]! / 2] } : array,
  );
  const cases: [string, readonly NamedArray[], RegExp][] = [
    [
      'renamed',
      renamed,
      /1 missing: arg:stage1_unit1_conv1_weight \(nearest: arg:stage1_unit1_convl_weight\)/,
    ],
    [
      'wide',
      wide,
      /wide-0000\.params: .*pre_fc1_weight has the shape \[16,512\], the array given for it \[32,256\].*--input-size/s,
    ],
  ];
  for (const [prefix, changed, message] of cases) {
    const model = write(prefix, changed);
    const before = readdirSync(folder);
    const { exitCode, stdout, stderr } = await runInProcess(...command(model));
    expect(stderr).toMatch(message);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(readdirSync(folder)).toEqual(before);
  }
});

test('the embedding of a symbol that ends in a loss is the node that is named', async () => {
  const { nodes, ...rest } = JSON.parse(symbol.replaceAll('"fc1"', '"features"')) as { nodes: object[] };
  const last = nodes.length - 1;
  const lossNodes = [
    { op: 'null', name: 'label', inputs: [] },
    {
      op: 'SoftmaxOutput',
      name: 'loss',
      inputs: [
        [last, 0, 0],
        [last + 1, 0, 0],
      ],
    },
  ];
  const model = write('loss', arrays);
  const text = JSON.stringify({ ...rest, nodes: [...nodes, ...lossNodes], heads: [[last + 2, 0, 0]] });
  writeFileSync(at('loss-symbol.json'), text);
  const refused = await runInProcess('model', 'info', model, ...size);
  expect(refused.stderr).toMatch(/SoftmaxOutput \(as in loss\)\. .*--mxnet-output NODE.*export_model/);
  expect(refused.exitCode).toBe(1);
  const { stdout } = await runInProcess(
    ...['model', 'info', model, ...size, '--json', '--mxnet-output', 'features_output'],
  );
  expect(JSON.parse(stdout)).toMatchObject({ embeddingSize: 16 });
  const typo = await runInProcess('model', 'info', model, ...size, '--mxnet-output', 'feature');
  expect(typo.stderr).toMatch(/no node "feature".* nearest are "features"/);
});

test('a file that is damaged is named', async () => {
  write('cut', arrays);
  const params = at('cut-0000.params');
  writeFileSync(params, readFileSync(params).subarray(0, 100));
  const cut = await runInProcess('model', 'info', `${at('cut')},0`, ...size);
  expect(cut.stderr).toMatch(/cut-0000\.params: NDArray file: .*byte \d+/);
  write('odd', arrays);
  writeFileSync(at('odd-symbol.json'), symbol.replace('"Flatten"', '"Fold"').replace('"_copy"', '"Crop"'));
  const odd = await runInProcess('model', 'info', `${at('odd')},0`, ...size);
  expect(odd.stderr).toMatch(/odd-symbol\.json: .*there are no layers for the operators \w+ \(as in \w+\)/);
  writeFileSync(at('cut.safetensors'), Buffer.alloc(100, 0xff));
  const safetensors = await runInProcess('model', 'info', at('cut.safetensors'));
  expect(safetensors.stderr).toMatch(/cut\.safetensors: safetensors: .*byte 0/);
  expect([cut, odd, safetensors].map(({ exitCode }) => exitCode)).toEqual([1, 1, 1]);
});

test('what the network has no use for is left out, and that is said', async () => {
  const more = ['fc8_weight', 'stage9_unit1_bn1_gamma'].map((name) => ({
    ...arrays[0]!,
    name: `arg:${name}`,
  }));
  const model = write('more', [...more, ...arrays]);
  const { stderr, exitCode } = await runInProcess(
    ...['model', 'convert', model, ...size, '--to', 'mxnet', '--output', `${at('less')},0`],
  );
  expect(stderr).toMatch(
    /2 arrays that more has no use for are left out: arg:fc8_weight \(nearest: arg:\w+\), /,
  );
  expect(exitCode).toBe(0);
  const { arrays: left } = parseNdArrays(readFileSync(at('less-0000.params')));
  expect(left.map(({ name }) => name)).toEqual(arrays.map(({ name }) => name));
});

function bytesOf(arrays: readonly Pick<NamedArray, 'data'>[]): Buffer {
  return Buffer.concat(arrays.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
}

test('values of every type that MXNet has are read, said and kept, or become float32 where it can only store them', async () => {
  const ones = {
    float32: (count: number) => new Float32Array(count).fill(1),
    float64: (count: number) => new Float64Array(count).fill(1),
    float16: (count: number) => new Uint16Array(count).fill(0x3c00),
    bfloat16: (count: number) => new Uint16Array(count).fill(0x3f80),
    uint8: (count: number) => new Uint8Array(count).fill(1),
    int8: (count: number) => new Int8Array(count).fill(1),
    int32: (count: number) => new Int32Array(count).fill(1),
    int64: (count: number) => new BigInt64Array(count).fill(1n),
    bool: (count: number) => new Uint8Array(count).fill(1),
  } as const;
  const run = async (...args: string[]) => {
    const outcome = await runInProcess(...args, ...size, '--json');
    expect(outcome.stderr).not.toMatch(/^error/m);
    return JSON.parse(outcome.stdout) as Record<string, unknown>;
  };
  const embedded: Buffer[] = [];
  for (const [dtype, values] of Object.entries(ones)) {
    const changed = arrays.map(
      (array) => ({ ...array, dtype, data: values(array.data.length) }) as NamedArray,
    );
    const model = write(dtype, changed);
    expect(await run('model', 'info', model)).toMatchObject({ elementTypes: { [dtype]: arrays.length } });
    await run('model', 'convert', model, '--to', 'mxnet', '--output', `${at(`${dtype}-again`)},0`);
    const { arrays: again } = parseNdArrays(readFileSync(at(`${dtype}-again-0000.params`)));
    const isKept = dtype !== 'bfloat16' && dtype !== 'bool';
    const expected = isKept ? changed : arrays.map(({ data }) => ({ data: ones.float32(data.length) }));
    expect(bytesOf(again).equals(bytesOf(expected)), dtype).toBe(true);
    if (!/^(float32|float16|int8)$/.test(dtype)) continue;
    await run('model', 'export', model, '--output', at(`${dtype}.onnx`), '--fold');
    await run('embed', '--model', model, '--data', at('faces'), '--output', at(`${dtype}.npy`));
    embedded.push(readFileSync(at(`${dtype}.npy`)));
  }
  expect(embedded[1]!.equals(embedded[0]!)).toBe(true);
  expect(embedded[2]!.equals(embedded[0]!)).toBe(true);
});

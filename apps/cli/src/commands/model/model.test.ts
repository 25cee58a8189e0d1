/* Models in every form: what is converted and exported embeds as what it was made from. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listNetworks, parseNdArrays, parseSafetensors } from '@arcface/backbones';
import {
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
  parseOnnxModel,
  serializeOnnxModel,
} from 'onnx-format';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runInProcess } from '../../testing/run-in-process.ts';
import { SIDE, writeStripedFaces } from '../../testing/striped-faces.ts';

let folder: string;
const at = (...parts: string[]) => join(folder, ...parts);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'arcface-model-'));
  await writeStripedFaces(at('faces'), { identities: 3, images: 6 });
  writeFileSync(at('faces', 'person-01', '02.jpg'), 'not an image');
  const network = ['--network', 'r8-narrow', '--input-size', String(SIDE), '--embedding-size', '16'];
  const training = ['--batch-size', '8', '--max-steps', '8', '--threads', '1'];
  await json('train', '--data', at('faces'), '--output', at('run'), ...network, ...training);
  await json('model', 'export', at('run'), '--format', 'onnx', '--output', at('run.onnx'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await runInProcess(...args, '--json');
  expect(stderr).not.toMatch(/^error/m);
  expect(exitCode).toBe(0);
  expect(stdout.trim().split('\n')).toHaveLength(1);
  return JSON.parse(stdout) as T;
}

async function refused(message: RegExp, exitCode: number, ...args: string[]): Promise<void> {
  const before = readdirSync(folder);
  const outcome = await runInProcess(...args);
  expect(outcome.stderr).toMatch(message);
  expect(outcome.stderr).not.toMatch(/\n\s+at .*:\d+:\d+/);
  expect(outcome.exitCode).toBe(exitCode);
  expect(outcome.stdout).toBe('');
  expect(readdirSync(folder)).toEqual(before);
}

/** The rows that a model embeds the faces to. */
async function embedded(model: string, name: string, ...more: string[]): Promise<Float32Array> {
  const output = at(`${name}.npy`);
  const options = ['--batch-size', '4', '--threads', '1', '--overwrite', ...more];
  const result = await json('embed', '--model', model, '--data', at('faces'), '--output', output, ...options);
  expect(result).toMatchObject({ images: 18, dimensions: 16, failed: 1 });
  expect(result.imagesPerSecond).toBeGreaterThan(0);
  const file = readFileSync(output);
  return new Float32Array(new Uint8Array(file.subarray(-18 * 16 * 4)).buffer);
}

function expectClose(actual: Float32Array, expected: Float32Array, limit: number): void {
  const largest = Math.max(...expected.map(Math.abs));
  const deviation = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
  expect(deviation / largest).toBeLessThan(limit);
}

test('list has every network, with its cost', async () => {
  const list = await json<Record<string, unknown>[]>('model', 'list');
  expect(list.map(({ name }) => name)).toEqual(listNetworks().map(({ name }) => name));
  expect(list.find(({ name }) => name === 'y1')).toMatchObject({
    parameters: 1_003_264,
    embeddingSize: 128,
    flops: expect.any(Number),
  });
});

test('info tells layers and sub-centres of a run, and the words of an ONNX file', async () => {
  const info = await json('model', 'info', at('run'));
  expect(info).toMatchObject({
    name: 'r8-narrow',
    inputShape: [SIDE, SIDE, 3],
    embeddingSize: 16,
    subcenters: { perIdentity: 3, arrays: [{ name: 'fc7_0_weight', shape: [9, 16] }] },
  });
  const layers = info.layers as { flops: number }[];
  expect(layers.reduce((sum, { flops }) => sum + flops, 0)).toBe(info.flops);
  expect(await json('model', 'info', at('run.onnx'))).toMatchObject({
    inputs: [{ name: 'data', elementType: 'float32', shape: ['batch', 3, SIDE, SIDE] }],
    outputs: [{ name: 'embedding', shape: ['batch', 16] }],
    metadata: { 'arcface.input': 'layout=NCHW,channels=RGB,mean=0,std=1' },
  });
});

test('a run converted to MXNet and to safetensors and back keeps its bits and its sub-centres', async () => {
  // MXNet's symbols do not state it.
  const size = ['--input-size', String(SIDE)];
  await json('model', 'convert', at('run'), '--to', 'mxnet', '--output', `${at('mx')},7`);
  await json(
    'model',
    'convert',
    `${at('mx')},7`,
    ...size,
    '--to',
    'safetensors',
    '--output',
    at('st.safetensors'),
  );
  await json('model', 'convert', at('st.safetensors'), '--to', 'mxnet', '--output', `${at('mx2')},7`);
  for (const file of ['symbol.json', '0007.params']) {
    expect(readFileSync(at(`mx2-${file}`)).equals(readFileSync(at(`mx-${file}`)))).toBe(true);
  }
  const [checkpoint] = readdirSync(at('run', 'checkpoints')).filter((name) => name.startsWith('step-'));
  const { tensors } = parseSafetensors(readFileSync(at('run', 'checkpoints', checkpoint!)));
  const { arrays } = parseNdArrays(readFileSync(at('mx-0007.params')));
  for (const { name, data } of arrays) {
    const original = tensors.find((tensor) => tensor.name === name.replace('arg:fc7', 'head:fc7'));
    expect(Buffer.from(data.buffer, data.byteOffset, data.byteLength)).toEqual(
      Buffer.from(original!.data.buffer, original!.data.byteOffset, original!.data.byteLength),
    );
  }
  expect(arrays.map(({ name }) => name)).toContain('arg:fc7_0_weight');
  const expected = await embedded(at('run'), 'run');
  expect(await embedded(`${at('mx')},7`, 'mx', ...size)).toEqual(expected);
  expect(await embedded(at('st.safetensors'), 'st')).toEqual(expected);
  expect(await json('model', 'info', at('st.safetensors'))).toMatchObject({ embeddingSize: 16 });
});

describe('an ONNX file as MODEL', () => {
  const rewrite = (name: string, change: (model: OnnxModel) => OnnxModel): string => {
    writeFileSync(at(name), serializeOnnxModel(change(parseOnnxModel(readFileSync(at('run.onnx'))))));
    return at(name);
  };
  const embedding = (model: string) => [
    'embed',
    '--model',
    model,
    '--data',
    at('faces'),
    '--output',
    at('x.npy'),
  ];
  const reshaped = (model: OnnxModel, shape: readonly (number | string)[]): OnnxModel => {
    const [input] = model.graph.inputs;
    return { ...model, graph: { ...model.graph, inputs: [{ ...input!, shape }] } };
  };

  test('embeds as the run that it was exported from', async () => {
    const expected = await embedded(at('run'), 'run');
    expectClose(await embedded(at('run.onnx'), 'onnx'), expected, 1e-5);
    const lines = readFileSync(at('onnx.jsonl'), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))[8]).toMatchObject({
      key: 'person-01/02.jpg',
      label: 1,
      failed: expect.any(String),
    });
    expect(readFileSync(at('run.jsonl'), 'utf8')).toBe(readFileSync(at('onnx.jsonl'), 'utf8'));
  });

  test('made for one image at a time, or for a fixed number, embeds the same', async () => {
    const expected = await embedded(at('run.onnx'), 'onnx', '--flip', '--normalize');
    const norm = Math.hypot(...expected.subarray(0, 16));
    expect(norm).toBeCloseTo(1, 5);
    // Some exporters write 0 for any number.
    for (const batch of [0, 1, 5]) {
      const fixed = rewrite('fixed.onnx', (model) => reshaped(model, [batch, 3, SIDE, SIDE]));
      expectClose(await embedded(fixed, 'fixed', '--flip', '--normalize'), expected, 1e-6);
    }
  });

  test('of bytes with colours last embeds the same, and of two outputs the one that is said', async () => {
    const expected = await embedded(at('run.onnx'), 'onnx');
    const bytes = rewrite('bytes.onnx', (model) => {
      const node = (
        opType: string,
        from: string,
        to: string,
        attributes: OnnxNode['attributes'],
      ): OnnxNode => ({
        ...{ name: opType, opType, domain: '', inputs: [from], outputs: [to], attributes },
      });
      const front = [
        node('Cast', 'bytes', 'floats', { to: 1 }),
        node('Transpose', 'floats', 'data', { perm: [0, 3, 1, 2] }),
      ];
      const inputs: OnnxValue[] = [{ name: 'bytes', elementType: 'uint8', shape: ['n', SIDE, SIDE, 3] }];
      return { ...model, graph: { ...model.graph, inputs, nodes: [...front, ...model.graph.nodes] } };
    });
    const feeding = 'channels=RGB,mean=0,std=1';
    await refused(/takes NHWC, not NCHW/, 1, ...embedding(bytes), '--onnx-input', `layout=NCHW,${feeding}`);
    expectClose(await embedded(bytes, 'bytes', '--onnx-input', `layout=NHWC,${feeding}`), expected, 1e-6);

    const two = rewrite('two.onnx', (model) => ({
      ...model,
      graph: {
        ...model.graph,
        outputs: [{ name: model.graph.nodes[3]!.outputs[0]! }, ...model.graph.outputs],
      },
    }));
    await refused(/2 outputs .*--onnx-output NAME/s, 1, ...embedding(two));
    const output = parseOnnxModel(readFileSync(at('run.onnx'))).graph.outputs[0]!.name;
    expectClose(await embedded(two, 'two', '--onnx-output', output), expected, 1e-6);
  });

  test('with its weights in a file beside it embeds the same, and that file must be there in full', async () => {
    const pieces: Uint8Array[] = [];
    let offset = 0;
    const outside = rewrite('outside.onnx', (model) => {
      const initializers = model.graph.initializers.map((tensor) => {
        const external = { location: 'outside.bin', offset, length: tensor.bytes.length };
        pieces.push(tensor.bytes);
        offset += tensor.bytes.length;
        return { ...tensor, bytes: new Uint8Array(), external };
      });
      return { ...model, graph: { ...model.graph, initializers } };
    });
    await refused(/outside\.onnx cannot be read as a model: ENOENT.*outside\.bin/, 1, ...embedding(outside));
    const weights = Buffer.concat(pieces);
    writeFileSync(at('outside.bin'), weights);
    expect(await embedded(outside, 'outside')).toEqual(await embedded(at('run.onnx'), 'onnx'));
    const part = ['audit', '--model', outside, '--data', at('faces'), '--output', at('outside-audit.jsonl')];
    expect((await runInProcess(...part, '--shard', '1/2')).exitCode).toBe(0);
    weights[0]! ^= 1;
    writeFileSync(at('outside.bin'), weights);
    await refused(/chunk-0+\.safetensors was made .*with other weights/, 1, ...part, '--shard', '1/2');
    writeFileSync(at('outside.bin'), weights.subarray(0, -1));
    await refused(/takes \d+ bytes, outside\.bin has \d+ for it/, 1, ...embedding(outside));
  });

  test('of any size takes the size that is said, and asks for one', async () => {
    const free = rewrite('free.onnx', (model) => reshaped(model, ['n', 3, 'h', 'w']));
    const expected = await embedded(at('run.onnx'), 'onnx');
    expectClose(await embedded(free, 'free', '--input-size', String(SIDE)), expected, 1e-5);
    await refused(
      /images of any size.*--input-size/s,
      1,
      'embed',
      '--model',
      free,
      '--data',
      at('faces'),
      '--output',
      at('x.npy'),
    );
  });

  test('whose weights are nodes has as many, and embeds the same', async () => {
    const constants = rewrite('constants.onnx', (model) => ({
      ...model,
      graph: {
        ...model.graph,
        initializers: [],
        nodes: [
          ...model.graph.initializers.map((tensor) => ({
            ...{ name: '', opType: 'Constant', domain: '', inputs: [], outputs: [tensor.name] },
            attributes: { value: { tensor } },
          })),
          ...model.graph.nodes,
        ],
      },
    }));
    const { parameters, bytes } = await json('model', 'info', at('run.onnx'));
    expect(await json('model', 'info', constants)).toMatchObject({ parameters, bytes });
    expectClose(await embedded(constants, 'constants'), await embedded(at('run.onnx'), 'onnx'), 1e-6);
  });

  test('that says nothing of its input is found out about, and that is said', async () => {
    const silent = rewrite('silent.onnx', (model) => ({ ...model, metadata: new Map() }));
    const args = [
      'embed',
      '--model',
      silent,
      '--data',
      at('faces'),
      '--output',
      at('silent.npy'),
      '--overwrite',
    ];
    const { stderr } = await runInProcess(...args);
    expect(stderr).toMatch(
      /silent\.onnx: images of 32x32, layout=NCHW,channels=(RGB|BGR),mean=0,std=1: the graph normalises 0\.\.255 itself/,
    );
    const said = await embedded(silent, 'said', '--onnx-input', 'channels=RGB,mean=0,std=1');
    expect(said).toEqual(await embedded(at('run.onnx'), 'onnx'));
  });

  test('that mixes the images of a batch is told of', async () => {
    const mixing = rewrite('mixing.onnx', (model) => ({
      ...model,
      metadata: new Map([...(model.metadata ?? []), ['arcface.batch-dependent', 'true']]),
    }));
    const { stderr, exitCode } = await runInProcess(...embedding(mixing), '--overwrite');
    expect(stderr).toMatch(
      /mixing\.onnx: .*an embedding depends on what it is embedded with. --batch-size 1/,
    );
    expect(exitCode).toBe(0);
    for (const name of ['x.npy', 'x.jsonl']) rmSync(at(name));
  });

  test('verifies and cleans; sub-centres it has none', async () => {
    const dropping = ['drop', '--data', at('faces'), '--model', at('run.onnx'), '--output', at('dropped')];
    await refused(/run\.onnx has no sub-centres/, 1, ...dropping);
    const dropped = await json(...dropping, '--rule', 'auto', '--threads', '1');
    expect(dropped).toMatchObject({ images: 18, undecodable: 1 });
  });

  test('that is no model, or not one for faces, is refused', async () => {
    writeFileSync(at('text.onnx'), 'not a model');
    await refused(/text\.onnx cannot be read as a model.*byte/, 1, ...embedding(at('text.onnx')));
    const operator = rewrite('operator.onnx', (model) => ({
      ...model,
      graph: { ...model.graph, nodes: model.graph.nodes.map((node) => ({ ...node, opType: 'Abracadabra' })) },
    }));
    await refused(/operator\.onnx: ONNX Runtime does not take this model/, 1, ...embedding(operator));
    const grey = rewrite('grey.onnx', (model) => reshaped(model, [1, 1, SIDE, SIDE]));
    await refused(/grey\.onnx: .*three colours/, 1, ...embedding(grey));
    const output = ['--output', at('again.onnx')];
    await refused(/run\.onnx is a finished ONNX model/, 1, 'model', 'export', at('run.onnx'), ...output);
    await refused(/is not an ONNX file/, 1, ...embedding(at('run')), '--onnx-input', 'channels=RGB');
    await refused(
      /"paint=RGB" is not understood/,
      1,
      ...embedding(at('run.onnx')),
      '--onnx-input',
      'paint=RGB',
    );
  });
});

test('embed writes safetensors, too', async () => {
  const expected = await embedded(at('run.onnx'), 'onnx');
  await json('embed', '--model', at('run.onnx'), '--data', at('faces'), '--output', at('e.safetensors'));
  const { tensors } = parseSafetensors(readFileSync(at('e.safetensors')));
  expect(tensors).toMatchObject([{ name: 'embeddings', shape: [18, 16], dtype: 'float32' }]);
  expectClose(tensors[0]!.data as Float32Array, expected, 1e-6);
  expect(existsSync(at('e.jsonl'))).toBe(true);
});

describe('wrong usage and what is there already', () => {
  test.each<[RegExp, number, string[]]>([
    [/--to is missing/, 2, ['convert', 'run', '--output', 'x,0']],
    [/--to.*mxnet, safetensors/s, 2, ['convert', 'run', '--to', 'torch', '--output', 'x']],
    [/PREFIX,EPOCH/, 2, ['convert', 'run', '--to', 'mxnet', '--output', 'x']],
    [/must end in \.safetensors/, 2, ['convert', 'run', '--to', 'safetensors', '--output', 'x']],
    [/must end in \.onnx/, 2, ['export', 'run', '--output', 'x.pb']],
    [/There is no model nowhere/, 1, ['export', 'nowhere', '--output', 'x.onnx']],
    [/missing required argument 'model'/, 2, ['info']],
  ])('%s', (message, exitCode, args) => refused(message, exitCode, 'model', ...args));

  test('an output that exists is refused, and replaced when asked', async () => {
    const exporting = ['model', 'export', at('run'), '--output', at('run.onnx')];
    await refused(/run\.onnx exists.*--overwrite/, 1, ...exporting);
    await json(...exporting, '--overwrite');
    const embedding = [
      'embed',
      '--model',
      at('run.onnx'),
      '--data',
      at('faces'),
      '--output',
      at('e.safetensors'),
    ];
    await refused(/e\.safetensors exists.*--overwrite/, 1, ...embedding);
    await refused(/contradict/, 2, ...embedding, '--resume', '--overwrite');
    await refused(
      /must end in \.npy or \.safetensors/,
      2,
      'embed',
      '--model',
      'm',
      '--data',
      'd',
      '--output',
      'x.txt',
    );
  });
});

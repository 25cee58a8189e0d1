/* How a model wants its pixels is found out, or said to be unclear; it is never taken for granted. */
import { readFileSync } from 'node:fs';
import {
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxValue,
  parseOnnxModel,
  serializeOnnxModel,
  tensorOf,
  tensorValues,
} from 'onnx-format';
import { describe, expect, it, vi } from 'vitest';
import { BackbonesError } from '../backbones-error.ts';
import { float32ToFloat16 } from '../half-float.ts';
import { setFastBackend } from '../testing/backend.ts';
import { openSession } from '../testing/onnx-runtime.ts';
import { dataFolder, dataIsAbsent } from '../testing/oracle.ts';
import { SIDE, type ThirdPartyOptions, thirdPartyModel, tintedImages } from '../testing/third-party-model.ts';
import { formatOnnxInput, parseOnnxInput } from './input-convention.ts';
import { inputPixels } from './input-pixels.ts';
import { type ResolveInputOptions, resolveOnnxInput } from './resolve-input.ts';

await setFastBackend();

const samples = vi.fn(async (count: number) => tintedImages(count));
/** Making one takes a while, and most tests need the same. */
const made = new Map<string, ReturnType<typeof thirdPartyModel>>();
function somebodys(convention: ThirdPartyOptions): ReturnType<typeof thirdPartyModel> {
  const key = JSON.stringify(convention);
  if (!made.has(key)) made.set(key, thirdPartyModel(convention));
  return made.get(key)!;
}

const resolve = (model: OnnxModel, more: Partial<ResolveInputOptions> = {}) =>
  resolveOnnxInput({ model, samples, open: openSession, ...more });
const words = async (...args: Parameters<typeof resolve>): Promise<string> =>
  formatOnnxInput((await resolve(...args)).convention);

/** A model that is nothing but its first operators, a convolution, and a mean over the map. */
function modelOf(
  shape: readonly (number | string | undefined)[],
  front: readonly OnnxNode[],
  graph: Partial<OnnxGraph> = {},
): OnnxModel {
  const image = front.at(-1)?.outputs[0] ?? 'x';
  const node = (opType: string, inputs: string[], outputs: string[]): OnnxNode => ({
    ...{ name: opType, opType, domain: '', inputs, outputs },
    attributes: {},
  });
  return {
    irVersion: 8,
    opsets: new Map([['', 17]]),
    graph: {
      name: 'a model',
      nodes: [
        ...front,
        node('Conv', [image, 'w'], ['map']),
        node('GlobalAveragePool', ['map'], ['mean']),
        node('Flatten', ['mean'], ['y']),
      ],
      inputs: [{ name: 'x', elementType: 'float32', shape }],
      outputs: [{ name: 'y', elementType: 'float32', shape: [shape[0], 4] }],
      ...graph,
      initializers: [
        tensorOf('w', 'float32', [4, 3, 1, 1], [1, 2, 3, 4, -5, 6, 7, -8, 9, 1, 0, 1]),
        ...(graph.initializers ?? []),
      ],
    },
  };
}

/** The model with half floats throughout. */
function inHalves(model: OnnxModel): OnnxModel {
  const half = (value: OnnxValue): OnnxValue => ({ ...value, elementType: 'float16' });
  const { graph } = model;
  const initializers = graph.initializers.map((tensor) =>
    tensor.elementType === 'float32'
      ? tensorOf(tensor.name, 'float16', tensor.dims, float32ToFloat16(tensorValues(tensor) as Float32Array))
      : tensor,
  );
  return {
    ...model,
    graph: { ...graph, initializers, inputs: graph.inputs.map(half), outputs: graph.outputs.map(half) },
  };
}

const arithmetic = (opType: string, input: string, constant: string, output: string): OnnxNode => ({
  ...{ name: `${opType}_${output}`, opType, domain: '', inputs: [input, constant], outputs: [output] },
  attributes: {},
});
const cast = (input: string, output: string): OnnxNode => ({
  ...{ name: 'cast', opType: 'Cast', domain: '', inputs: [input], outputs: [output] },
  attributes: { to: 1 },
});
const scalars = (values: Record<string, number>) =>
  Object.entries(values).map(([name, value]) => tensorOf(name, 'float32', [], [value]));

describe('what the batch norms remember', () => {
  const ranges = { '-1..1': [127.5, 127.5], '0..255': [0, 1], '0..1': [0, 255] } as const;
  const cases = Object.entries(ranges).flatMap(([name, [mean, std]]) =>
    (['RGB', 'BGR'] as const).map((channels) => [`${name} ${channels}`, { mean, std, channels }] as const),
  );

  it.each(cases)('tells %s', async (_, convention) => {
    const { silent } = somebodys(convention);
    const { convention: found, reason, doubt } = await resolve(silent);
    expect(found).toEqual({
      layout: 'NCHW',
      channels: convention.channels,
      mean: [convention.mean, convention.mean, convention.mean],
      std: [convention.std, convention.std, convention.std],
    });
    expect(reason).toMatch(/batch norms/);
    expect(doubt).toBeUndefined();
  });

  it('counts in half floats, too', async () => {
    const { silent } = somebodys({ mean: 127.5, std: 128, channels: 'RGB' });
    const { convention, reason } = await resolve(inHalves(silent));
    expect(formatOnnxInput(convention)).toMatch(/^layout=NCHW,channels=RGB,mean=127.5,std=12[78]/);
    expect(reason).toMatch(/batch norms/);
  });

  it('gives the embeddings of the model that normalises by itself', async () => {
    const { silent, told } = somebodys({ mean: 127.5, std: 127.5, channels: 'BGR' });
    const embed = async (model: OnnxModel) => {
      const { convention, elementType, output } = await resolve(model);
      const session = await openSession(model);
      const values = inputPixels(tintedImages(2), SIDE * SIDE, convention, elementType);
      const result = (await session.run(values, [2, 3, SIDE, SIDE])).get(output)!.data;
      await session.release();
      return result;
    };
    const [found, expected] = [await embed(silent), await embed(told)];
    const largest = Math.max(...expected.map(Math.abs));
    for (const [i, value] of found.entries())
      expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-4 * largest);
  });
});

describe('what is said', () => {
  it('by the metadata, or by the user, needs no image', async () => {
    samples.mockClear();
    const { told, silent } = somebodys({ mean: 0, std: 255, channels: 'RGB' });
    expect(await words(told)).toBe('layout=NCHW,channels=RGB,mean=0,std=1');
    expect(await words(silent, { said: parseOnnxInput('channels=BGR, mean=1/2/3, std=4') })).toBe(
      'layout=NCHW,channels=BGR,mean=1/2/3,std=4',
    );
    expect(samples).not.toHaveBeenCalled();
  });

  it('in full makes up for metadata that are not understood', async () => {
    const { silent } = somebodys({ mean: 0, std: 255, channels: 'BGR' });
    const odd = { ...silent, metadata: new Map([['arcface.input', 'channels=GBR']]) };
    await expect(resolve(odd)).rejects.toThrow(/"channels=GBR" is not understood/);
    expect(await words(odd, { said: parseOnnxInput('channels=BGR,mean=0,std=255') })).toBe(
      'layout=NCHW,channels=BGR,mean=0,std=255',
    );
  });

  it('in part leaves the rest to the evidence', async () => {
    const { silent } = somebodys({ mean: 0, std: 255, channels: 'BGR' });
    expect(await words(silent, { said: { mean: [0, 0, 0], std: [255, 255, 255] } })).toBe(
      'layout=NCHW,channels=BGR,mean=0,std=255',
    );
    expect(await words(silent, { said: { channels: 'BGR' } })).toBe(
      'layout=NCHW,channels=BGR,mean=0,std=255',
    );
  });

  it('of the mean or the deviation alone leaves what usually goes with it', async () => {
    const { silent } = somebodys({ mean: 127.5, std: 127.5, channels: 'RGB' });
    const expected = 'layout=NCHW,channels=RGB,mean=127.5,std=127.5';
    expect(await words(silent, { said: parseOnnxInput('mean=127.5') })).toBe(expected);
    expect(await words(silent, { said: parseOnnxInput('std=127.5,channels=RGB') })).toBe(expected);
    await expect(resolve(silent, { said: parseOnnxInput('mean=3') })).rejects.toThrow(
      /has mean=3\/3\/3 .*say both mean and std/,
    );
    const imagenet = parseOnnxInput('channels=BGR,mean=123.675/116.28/103.53');
    await expect(resolve(silent, { said: imagenet })).rejects.toThrow(/say both/);
  });

  it.each([
    '',
    'layout',
    'layout=CHWN',
    'mean=a',
    'mean=1/2',
    'std=0',
    'mean=1=2',
    'colour=RGB',
    'mean=1,mean=2',
  ])('must be understood: %j', (text) => expect(() => parseOnnxInput(text)).toThrow(BackbonesError));
});

describe('what the graph does', () => {
  it.each([
    ['0..255, by Sub and Mul', { m: 127.5, s: 1 / 128 }, ['Sub', 'Mul'], 'mean=0,std=1'],
    ['0..255, by Div and Sub', { m: 255, s: 0.5 }, ['Div', 'Sub'], 'mean=0,std=1'],
    ['0..1, by Sub and Div', { m: 0.5, s: 0.5 }, ['Sub', 'Div'], 'mean=0,std=255'],
    ['0..255, of which it subtracts no more than a mean', { m: 127.5, s: 1 }, ['Sub', 'Mul'], 'mean=0,std=1'],
  ])('tells that it takes %s', async (_, constants, [first, second], expected) => {
    const front = [arithmetic(first!, 'x', 'm', 'a'), arithmetic(second!, 'a', 's', 'b')];
    const model = modelOf(['n', 3, 8, 8], front, { initializers: scalars(constants) });
    const { convention, reason } = await resolve(model, {
      samples: async (count) => new Uint8Array(count * 192),
    });
    expect(formatOnnxInput(convention)).toContain(expected);
    expect(reason).toMatch(/the graph normalises/);
  });

  it('sees it in front of a quantised convolution, and in constants of any form', async () => {
    const constant = (name: string, attributes: OnnxNode['attributes']): OnnxNode => ({
      ...{ name, opType: 'Constant', domain: '', inputs: [], outputs: [name], attributes },
    });
    const step = (opType: string, inputs: string[], output: string): OnnxNode => ({
      ...{ name: opType, opType, domain: '', inputs, outputs: [output], attributes: {} },
    });
    const front = [
      constant('m', { value_float: { float: 127.5 } }),
      constant('s', { value_floats: { floats: [1 / 128] } }),
      step('Identity', ['m'], 'again'),
      step('Sub', ['x', 'again'], 'a'),
      step('Mul', ['a', 's'], 'b'),
      step('QuantizeLinear', ['b', 'scale', 'zero'], 'q'),
      step('Shape', ['x'], 'size'),
      step('DequantizeLinear', ['q', 'scale', 'zero'], 'd'),
    ];
    const initializers = [...scalars({ scale: 1 / 127 }), tensorOf('zero', 'uint8', [], [128])];
    const { convention, reason } = await resolve(modelOf(['n', 3, SIDE, SIDE], front, { initializers }));
    expect(formatOnnxInput(convention)).toContain('mean=0,std=1');
    expect(reason).toMatch(/the graph normalises 0\.\.255 itself \(Sub, Mul\)/);
  });
});

it.each([-1, 4])(
  'a model that makes one row of %d values whatever it declares is judged by single images',
  async (length) => {
    const honest = modelOf(['n', 3, SIDE, SIDE], []);
    const nodes = honest.graph.nodes.map((node) =>
      node.opType === 'Flatten' ? { ...node, opType: 'Reshape', inputs: [node.inputs[0]!, 'row'] } : node,
    );
    const initializers = [...honest.graph.initializers, tensorOf('row', 'int64', [2], [1, length])];
    const single = { ...honest, graph: { ...honest.graph, nodes, initializers } };
    const scores = ({ reason }: { reason: string }) => reason.match(/\d+\.\d+/g)!.map(Number);
    const [found, expected] = [scores(await resolve(single)), scores(await resolve(honest))];
    expect(expected.length).toBeGreaterThan(1);
    for (const [i, score] of found.entries()) expect(Math.abs(score / expected[i]! - 1)).toBeLessThan(0.02);
  },
);

it('a value that goes into two batch norms is looked at once', async () => {
  const { silent } = somebodys({ mean: 127.5, std: 127.5, channels: 'RGB' });
  const norm = silent.graph.nodes.find(({ opType }) => opType === 'BatchNormalization')!;
  const twin = { ...norm, name: 'twin', outputs: ['twin'] };
  const place = silent.graph.nodes.indexOf(norm);
  const nodes = silent.graph.nodes.toSpliced(place, 0, twin);
  expect(await words({ ...silent, graph: { ...silent.graph, nodes } })).toBe(
    'layout=NCHW,channels=RGB,mean=127.5,std=127.5',
  );
});

describe('a model that takes bytes', () => {
  const bytes = modelOf(['n', 3, 8, 8], [cast('x', 'c')], {
    inputs: [{ name: 'x', elementType: 'uint8', shape: ['n', 3, 8, 8] }],
  });
  const all = { channels: 'RGB', mean: [0, 0, 0], std: [1, 1, 1] } as const;

  it('gets them as they are', async () => {
    expect(await words(bytes, { said: all })).toBe('layout=NCHW,channels=RGB,mean=0,std=1');
  });

  it.each(['mean=127.5', 'std=255', 'channels=RGB,mean=127.5,std=128'])(
    'refuses %s, which would wrap around',
    async (text) => {
      await expect(resolve(bytes, { said: parseOnnxInput(text) })).rejects.toThrow(/takes bytes/);
    },
  );
});

it('a chain of a hundred thousand operators is walked once', async () => {
  const links = Array.from({ length: 100_000 }, (_, i) => ({
    ...{ name: `${i}`, opType: 'Identity', domain: '', attributes: {} },
    ...{ inputs: [i === 0 ? 'x' : `v${i - 1}`], outputs: [`v${i}`] },
  }));
  const model = modelOf(['n', undefined, undefined, undefined], links);
  const said = { channels: 'RGB', mean: [0, 0, 0], std: [1, 1, 1] } as const;
  expect(await words(model, { said, size: { height: 8, width: 8 } })).toMatch(/^layout=NCHW/);
});

describe('layout and size', () => {
  const transpose: OnnxNode = {
    ...{ name: 't', opType: 'Transpose', domain: '', inputs: ['x'], outputs: ['t'] },
    attributes: { perm: [0, 3, 1, 2] },
  };
  const said = { channels: 'RGB', mean: [0, 0, 0], std: [1, 1, 1] } as const;

  it.each<[string, OnnxModel, string]>([
    ['colours first', modelOf(['n', 3, 8, 8], []), 'NCHW'],
    ['colours last', modelOf(['n', 8, 8, 3], [transpose]), 'NHWC'],
    ['nothing, but a transpose', modelOf(['n', undefined, undefined, undefined], [transpose]), 'NHWC'],
    ['nothing, and no transpose', modelOf(['n', undefined, undefined, undefined], []), 'NCHW'],
  ])('a shape that says %s', async (_, model, layout) => {
    const input = await resolve(model, { said, size: { height: 8, width: 8 } });
    expect(input.convention.layout).toBe(layout);
    expect([input.height, input.width]).toEqual([8, 8]);
  });

  it.each<[string, OnnxModel, Partial<ResolveInputOptions>, RegExp]>([
    ['any size, when none is said', modelOf(['n', 3, 'h', 'w'], []), { said }, /any size/],
    [
      'another size than is said',
      modelOf(['n', 3, 8, 8], []),
      { said, size: { height: 9, width: 8 } },
      /8x8 \(height x width\), not 9x8/,
    ],
    [
      'another layout than is said',
      modelOf(['n', 3, 8, 8], []),
      { said: { ...said, layout: 'NHWC' } },
      /NCHW, not NHWC/,
    ],
    ['grey images', modelOf(['n', 1, 8, 8], []), { said }, /three colours/],
    ['rows', modelOf(['n', 3], []), { said }, /four dimensions/],
    [
      'doubles',
      modelOf(['n', 3, 8, 8], [], { inputs: [{ name: 'x', elementType: 'float64', shape: [1, 3, 8, 8] }] }),
      { said },
      /float32, float16, uint8/,
    ],
    [
      'two inputs',
      modelOf([1], [], { inputs: [{ name: 'a' }, { name: 'b' }] }),
      { said },
      /takes 2 inputs \(a: unknown/,
    ],
    [
      'two outputs',
      modelOf(['n', 3, 8, 8], [], { outputs: [{ name: 'y' }, { name: 'z' }] }),
      { said },
      /2 outputs/,
    ],
    ['no such output', modelOf(['n', 3, 8, 8], []), { said, output: 'z' }, /no output "z"; it has y/],
  ])('a model that takes %s is refused', async (_, model, options, message) => {
    await expect(resolve(model, options)).rejects.toThrow(message);
  });
});

describe('pixels', () => {
  const pixels = Uint8Array.of(0, 128, 255, 10, 20, 30);
  const convention = { channels: 'RGB', mean: [0, 0, 0], std: [255, 255, 255] } as const;

  it('go in by layout and order of colours', () => {
    const first = inputPixels(pixels, 2, { ...convention, layout: 'NCHW', std: [1, 1, 1] }, 'float32');
    expect([...first]).toEqual([0, 10, 128, 20, 255, 30]);
    const last = inputPixels(
      pixels,
      2,
      { ...convention, layout: 'NHWC', channels: 'BGR', std: [1, 1, 1] },
      'uint8',
    );
    expect([...last]).toEqual([255, 128, 0, 30, 20, 10]);
  });

  it('are half floats where the model wants them', () => {
    const half = inputPixels(pixels, 2, { ...convention, layout: 'NHWC' }, 'float16');
    // 0, 128 / 255, 1, 10 / 255, ... rounded to nearest, from NumPy.
    expect([...half]).toEqual([0x0000, 0x3804, 0x3c00, 0x2905, 0x2d05, 0x2f88]);
  });
});

describe.skipIf(dataIsAbsent)("somebody's MobileFaceNet of PaddlePaddle (needs ../shared)", () => {
  const model = () => parseOnnxModel(readFileSync(`${dataFolder}onnx/MobileFaceNet.onnx`));

  it('is read, written, and read as the same', () => {
    const written = serializeOnnxModel(model());
    expect(Buffer.compare(serializeOnnxModel(parseOnnxModel(written)), written)).toBe(0);
    expect(written.length).toBeGreaterThan(3_900_000);
  });
});

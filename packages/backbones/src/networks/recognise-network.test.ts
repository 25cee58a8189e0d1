/** Arrays without a network are told from one another by their names and shapes alone; what is amiss is named. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BackbonesError } from '../backbones-error.ts';
import { resolveGraph } from '../graph/network-graph.ts';
import type { NamedArray } from '../named-array.ts';
import type { BackboneConfig } from './backbone-config.ts';
import { networkGraph } from './presets.ts';
import { recogniseNetwork } from './recognise-network.ts';

const NO_VALUES = new Float32Array();

/** The arrays of a network but for their values, which nobody looks at here. */
function arraysOf(
  config: string | BackboneConfig,
  rename: (name: string) => string = (name) => name,
): NamedArray[] {
  return [...resolveGraph(networkGraph(config)).parameters.values()].map(({ name, shape }) => ({
    name: rename(name),
    shape,
    dtype: 'float32',
    data: NO_VALUES,
  }));
}

const without = (arrays: readonly NamedArray[], left: string) => arrays.filter(({ name }) => name !== left);

describe('a network', () => {
  it('of a preset is found again, in any order of its arrays', () => {
    const twins: Readonly<Record<string, string>> = { r49: 'r50', r100fc: 'r100' };
    // Some of each family, and all that have the names of another one.
    const [mobile, residual] = [
      ['y1', 'y1-narrow', 'y2', 'm1', 'm05', 'mnas', 'mnas05', 'mnas025', 'mbf', 'mbf_large'],
      [
        'r8-narrow',
        'r49',
        'r50',
        'r50v1',
        'r100',
        'r100fc',
        'd121',
        'vargfacenet',
        'iresnet18',
        'iresnet200',
      ],
    ];
    for (const name of [...mobile, ...residual]) {
      const { graph, parameters } = recogniseNetwork(arraysOf(name).reverse());
      expect(graph).toEqual(networkGraph(twins[name] ?? name));
      const inOrder = arraysOf(name).map((array) => array.name);
      expect(parameters.map((array) => array.name.replace(/^(arg|aux):/, ''))).toEqual(inOrder);
    }
  });

  it.each<BackboneConfig>([
    { network: 'iresnet34', embeddingSize: 128 },
    { network: 'iresnet18', blocks: [1, 2, 3, 1], embeddingSize: 64, inputSize: 224 },
    { network: 'iresnet50', filters: [32, 32, 64, 128, 256] },
    { network: 'mbf', embeddingSize: 256, blocks: [1, 2, 3, 1] },
    { network: 'mbf', width: 1 },
    { network: 'mbf', inputSize: [112, 96] },
    { network: 'mbf_large', blocks: [3, 8, 12, 4], inputSize: 128 },
    { network: 'y1', embeddingSize: 256 },
    { network: 'r34', embeddingSize: 128 },
    { network: 'mnas05', embeddingSize: 512 },
  ])('with other settings is found: %o', (config) => {
    const { graph } = recogniseNetwork(arraysOf(config));
    const expected = networkGraph(config);
    expect({ ...graph, name: '' }).toEqual({ ...expected, name: '' });
  });

  it('is found behind the parts of a name that say nothing', () => {
    const counters = arraysOf('iresnet18').flatMap((array) =>
      array.name.endsWith('running_mean')
        ? [array, { ...array, name: array.name.replace('running_mean', 'num_batches_tracked'), shape: [] }]
        : [array],
    );
    const wrapped = counters.map((array) => ({ ...array, name: `backbone.module.${array.name}` }));
    expect(recogniseNetwork(wrapped).graph.name).toBe('iresnet18');
    expect(recogniseNetwork(arraysOf('y1', (name) => `arg:${name}`)).graph.name).toBe('y1');
  });

  it('that is said is believed where its arrays leave a choice', () => {
    expect(recogniseNetwork(arraysOf('r100'), { network: 'r100fc' }).graph).toEqual(networkGraph('r100fc'));
    const small = recogniseNetwork(arraysOf({ network: 'y1', inputSize: 96 }), { inputSize: 96 });
    expect(small.graph.inputShape).toEqual([96, 96, 3]);
    const oblong = arraysOf({ network: 'iresnet34', inputSize: [112, 96] });
    expect(recogniseNetwork(oblong, { inputSize: [112, 96] }).graph.inputShape).toEqual([112, 96, 3]);
    expect(() => recogniseNetwork(oblong)).toThrow(/fc\.weight has the shape/);
    // A head that averages takes any size, and must not be given another one than is said.
    const averaging = arraysOf({ network: 'd121', output: 'GAP' });
    expect(() => recogniseNetwork(averaging, { network: 'd121', inputSize: 8 })).toThrow(
      /does not fit into 1/,
    );
  });
});

describe('what is amiss', () => {
  const arrays = arraysOf('iresnet50');
  const reshaped = (name: string, shape: number[]) =>
    arrays.map((array) => (array.name === name ? { ...array, shape } : array));
  it.each<[string, NamedArray[], string | undefined, string, RegExp]>([
    [
      'a missing name',
      without(arrays, 'layer3.7.bn2.bias'),
      undefined,
      'parameter-names',
      /iresnet50: 1 missing: arg:layer3\.7\.bn2\.bias/,
    ],
    [
      'a name that is written otherwise',
      arraysOf('iresnet50', (name) => (name === 'layer1.0.prelu.weight' ? 'layer1.0.relu.weight' : name)),
      undefined,
      'parameter-names',
      /missing: arg:layer1\.0\.prelu\.weight \(nearest: layer1\.0\.relu\.weight\); 1 unknown/,
    ],
    [
      'a shape',
      reshaped('layer2.1.conv1.weight', [128, 64, 3, 3]),
      undefined,
      'parameter-shape',
      /layer2\.1\.conv1\.weight has the shape \[128,128,3,3\], the array given for it \[128,64,3,3\]/,
    ],
    [
      'another depth than was said',
      arrays,
      'iresnet34',
      'parameter-names',
      /iresnet34: \d+ unknown: layer3\.\d+\./,
    ],
    [
      'a map that is no square',
      reshaped('fc.weight', [512, 512 * 6]),
      undefined,
      'parameter-shape',
      /fc\.weight has the shape \[512,25088\], the array given for it \[512,3072\]/,
    ],
    [
      'another kind of network',
      arraysOf('y1', (name) => `block.${name}.kernel`),
      undefined,
      'parameter-names',
      /no network that is known here has parameters such as /,
    ],
    [
      'another family than was said',
      arrays,
      'y1',
      'parameter-names',
      /y1 has no parameters such as conv1\.weight/,
    ],
    [
      'no network of that name',
      arrays,
      'iresnet51',
      'invalid-option',
      /no network "iresnet51"; the nearest are iresnet50/,
    ],
    ['nothing', [], undefined, 'parameter-names', /of which there are none/],
  ])('is named: %s', (_, given, network, code, message) => {
    expect(() => recogniseNetwork(given, { network })).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  const family = fc.constantFrom<BackboneConfig>(
    { network: 'iresnet18', blocks: [1, 1, 1, 1] },
    { network: 'mbf', blocks: [1, 1, 1, 1] },
    { network: 'y1-narrow' },
  );
  const size = fc.oneof(fc.nat(4), fc.constantFrom(7, 64, 512, 25088, 2 ** 31, 2 ** 53 - 1));
  const name = fc.oneof(
    fc.string(),
    fc.constantFrom('', '.', '..', '__proto__', 'constructor', 'layer1', 'layer1.', 'layer4.-1.conv1.weight'),
    fc
      .tuple(fc.constantFrom('layer', 'layers.', 'arg:', 'a.'), fc.nat(), fc.string())
      .map((parts) => parts.join('')),
    fc.nat(50_000).map((length) => 'a.'.repeat(length)),
  );
  const shape = fc.array(size, { maxLength: 5 });
  const damage = fc.record({
    at: fc.nat(400),
    kind: fc.constantFrom('rename', 'reshape', 'remove', 'add', 'resize'),
    name,
    shape,
    size,
  });

  it('in any way, of names and shapes, is refused with a typed error, or is a network', () => {
    fc.assert(
      fc.property(family, fc.array(damage, { maxLength: 4 }), fc.boolean(), (config, damages, isSaid) => {
        const given = arraysOf(config);
        for (const { at, kind, name: other, shape: sizes, size: side } of damages) {
          const place = at % given.length;
          const array = given[place]!;
          if (kind === 'rename') given[place] = { ...array, name: other };
          else if (kind === 'reshape') given[place] = { ...array, shape: sizes };
          else if (kind === 'remove') given.splice(place, 1);
          else if (kind === 'add') given.push({ ...array, name: other, shape: sizes });
          else given[place] = { ...array, shape: array.shape.map((old, i) => (i === 0 ? side : old)) };
        }
        try {
          const { parameters } = recogniseNetwork(given, isSaid ? { network: config.network } : {});
          expect(parameters.length).toBeLessThanOrEqual(given.length);
        } catch (error) {
          expect(error).toBeInstanceOf(BackbonesError);
        }
      }),
      { numRuns: 15 },
    );
  });

  it('by as many units as a file has names makes no network of them', () => {
    const [first] = arrays;
    const units = Array.from({ length: 20_000 }, (_, i) => ({
      ...first!,
      name: `layer1.${100 + i}.bn1.weight`,
    }));
    expect(() => recogniseNetwork([...arrays, ...units])).toThrow(/iresnet\d+: \d+ unknown/);
    expect(() => networkGraph({ network: 'r50', blocks: [3, 2 ** 40, 3, 3] })).toThrow(/at most 1000 blocks/);
  });

  it('by a path of a hundred thousand parts is refused, too', () => {
    expect(() => recogniseNetwork([{ ...arrays[0]!, name: 'a.'.repeat(100_000) }])).toThrow(BackbonesError);
  });

  it('names and shapes of a hostile file make no huge network', () => {
    const far = arraysOf('iresnet18', (name) => name.replace('layer3.1.', 'layer3.999999999.'));
    expect(() => recogniseNetwork(far)).toThrow(/layer3\.1\./);
    const wide = arrays.map((array) =>
      array.name === 'conv1.weight' ? { ...array, shape: [2 ** 40, 0, 3, 3] } : array,
    );
    expect(() => recogniseNetwork(wide)).toThrow(/conv1\.weight has the shape/);
  });
});

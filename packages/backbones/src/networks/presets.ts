/**
 * The networks by name. A preset is a family and its settings; every setting can be changed by a configuration, so that
 * `{network: 'y1', width: 0.25, inputSize: 56}` is a network too.
 */
import { BackbonesError } from '../backbones-error.ts';
import type { Activation } from '../graph/graph-builder.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import { nearestNames } from '../nearest-names.ts';
import { type MobileFaceNetSettings, mobileFaceNet } from './mobilefacenet.ts';
import { mobileNet } from './mobilenet.ts';
import type { CommonSettings } from './network-settings.ts';
import type { OutputHead } from './output-heads.ts';
import type { ResidualUnitVersion } from './residual-units.ts';
import { type ResNetSettings, resNet, resNetBlocks, resNetDepths } from './resnet.ts';

/** A preset and what to change about it. */
export interface BackboneConfig {
  /** Name of the preset; see {@link listNetworks}. */
  readonly network: string;
  /** Length of the embeddings. Default: the preset's. */
  readonly embeddingSize?: number | undefined;
  /** Side of the square images, or height and width. Default 112. */
  readonly inputSize?: number | readonly [number, number] | undefined;
  /** Factor on the number of channels inside, in steps of 16 channels. Default 1. */
  readonly width?: number | undefined;
  /** Default `prelu`. */
  readonly activation?: Activation | undefined;
  /** The reference's letters for output heads. Default: `E` for ResNets, `GDC` for MobileFaceNets. */
  readonly output?: OutputHead | undefined;
  /** Share dropped ahead of the last layer by the heads that drop (E, F, Z). Default 0.4, as the reference's. */
  readonly dropout?: number | undefined;
  /** Units or bottlenecks of each stage. Default: the preset's. */
  readonly blocks?: readonly number[] | undefined;
  /** Stride of a 3x3 stem. Default: 1 for ResNets, 2 for MobileFaceNets and the narrow presets. */
  readonly stemStride?: number | undefined;
  /** ResNets: channels of the stem and of each stage. Default: the preset's. */
  readonly filters?: readonly number[] | undefined;
  /** ResNets: version of the residual unit. Default 3, except in presets that end in v1. */
  readonly unit?: ResidualUnitVersion | undefined;
  /** ResNets: how images come in, the reference's `net_input`. Default 1. */
  readonly stem?: 0 | 1 | 2 | undefined;
  /** ResNets: squeeze-and-excitation in every unit. Default false. */
  readonly squeezeExcitation?: boolean | undefined;
}

/** A line of {@link listNetworks}. */
export interface NetworkDescription {
  readonly name: string;
  readonly description: string;
  /** What a configuration may change, with its default. */
  readonly settings: Readonly<Required<Pick<BackboneConfig, 'embeddingSize'>> & Partial<BackboneConfig>>;
}

interface Preset {
  readonly description: string;
  readonly family: Family;
  readonly settings: Partial<BackboneConfig> & { readonly embeddingSize: number };
}

type Family = (common: CommonSettings, config: Omit<BackboneConfig, 'network'>) => NetworkGraph;

const mobileFaceNetFamily: Family = (common, config) => {
  refuse(common.name, config, ['filters', 'unit', 'stem', 'squeezeExcitation']);
  const settings: MobileFaceNetSettings = {
    ...common,
    blocks: config.blocks ?? [1, 4, 6, 2],
    stemStride: config.stemStride ?? 2,
  };
  return mobileFaceNet(settings);
};

const resNetFamily: Family = (common, config) => {
  const settings: ResNetSettings = {
    ...common,
    blocks: config.blocks ?? resNetBlocks(50),
    filters: config.filters ?? [64, 64, 128, 256, 512],
    unit: config.unit ?? 3,
    stem: config.stem ?? 1,
    stemStride: config.stemStride ?? 1,
    squeezeExcitation: config.squeezeExcitation ?? false,
  };
  return resNet(settings);
};

const mobileNetFamily: Family = (common, config) => {
  refuse(common.name, config, ['filters', 'unit', 'stem', 'squeezeExcitation', 'blocks', 'stemStride']);
  return mobileNet(common);
};

function mobile(description: string, settings: Preset['settings']): Preset {
  return { description, family: mobileFaceNetFamily, settings: { output: 'GDC', ...settings } };
}

function residual(description: string, settings: Preset['settings']): Preset {
  return { description, family: resNetFamily, settings: { output: 'E', ...settings } };
}

function pairs(description: string, settings: Preset['settings']): Preset {
  return { description, family: mobileNetFamily, settings: { output: 'GDC', ...settings } };
}

const PRESETS: ReadonlyMap<string, Preset> = new Map([
  ['y1', mobile('MobileFaceNet', { embeddingSize: 128, blocks: [1, 4, 6, 2] })],
  ['y2', mobile('MobileFaceNet, twice as deep', { embeddingSize: 256, blocks: [2, 8, 16, 4] })],
  ['m1', pairs('MobileNet', { embeddingSize: 256 })],
  ['m05', pairs('MobileNet of half the width', { embeddingSize: 256, width: 0.5 })],
  [
    'y1-narrow',
    mobile('MobileFaceNet of a quarter of the width, for small machines', {
      embeddingSize: 64,
      width: 0.25,
      blocks: [1, 4, 6, 2],
    }),
  ],
  [
    'r8-narrow',
    residual('IR-ResNet of three units behind a strided stem, 16 to 128 channels, for small images', {
      embeddingSize: 128,
      blocks: [1, 1, 1],
      filters: [16, 32, 64, 128],
      stemStride: 2,
      dropout: 0.2,
    }),
  ],
  [
    'r10-narrow',
    residual('IR-ResNet of four units, 16 to 128 channels, for small images', {
      embeddingSize: 128,
      blocks: [1, 1, 1, 1],
      filters: [16, 16, 32, 64, 128],
      dropout: 0.2,
    }),
  ],
  ...resNetDepths.map(
    (layers) =>
      [
        `r${layers}`,
        residual(`IR-ResNet of ${layers} layers`, { embeddingSize: 512, blocks: resNetBlocks(layers) }),
      ] as const,
  ),
  [
    'r50v1',
    residual('ResNet of 50 layers with the first kind of unit', {
      embeddingSize: 512,
      blocks: resNetBlocks(50),
      unit: 1,
    }),
  ],
  [
    'r100fc',
    residual('IR-ResNet of 100 layers without dropout', {
      embeddingSize: 512,
      blocks: resNetBlocks(100),
      output: 'FC',
    }),
  ],
]);

/** All presets. */
export function listNetworks(): NetworkDescription[] {
  return [...PRESETS].map(([name, { description, settings }]) => ({ name, description, settings }));
}

/**
 * The network of a preset or configuration, as data.
 *
 * @throws BackbonesError `invalid-option` for an unknown preset or setting, `invalid-graph` if images are too small
 */
export function networkGraph(preset: string | BackboneConfig): NetworkGraph {
  const { network, ...changes } = typeof preset === 'string' ? { network: preset } : preset;
  const found = PRESETS.get(network);
  if (found === undefined) {
    throw new BackbonesError(
      'invalid-option',
      `there is no network ${JSON.stringify(network)}; the nearest are ${nearestNames(network, PRESETS.keys()).join(', ')}`,
    );
  }
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const config = { ...found.settings, ...given } as Preset['settings'];
  const { embeddingSize, width = 1, activation = 'prelu', output = 'E', dropout = 0.4 } = config;
  if (!Number.isInteger(embeddingSize) || embeddingSize < 1) {
    throw new BackbonesError(
      'invalid-option',
      `embeddingSize must be a positive integer, found ${embeddingSize}`,
    );
  }
  if (!(dropout >= 0 && dropout < 1)) {
    throw new BackbonesError('invalid-option', `dropout must be from 0 to below 1, found ${dropout}`);
  }
  const common: CommonSettings = {
    name: network,
    inputShape: [...imageSize(config.inputSize), 3],
    embeddingSize,
    width,
    activation,
    output,
    dropout,
  };
  return found.family(common, config);
}

function imageSize(size: BackboneConfig['inputSize'] = 112): [number, number] {
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  if (![height, width].every((side) => Number.isInteger(side) && side > 0)) {
    throw new BackbonesError(
      'invalid-option',
      `inputSize must be a positive integer or two of them, found ${size}`,
    );
  }
  return [height, width];
}

/** Says so, rather than passing over a setting that a family doesn't have. */
function refuse(network: string, config: Partial<BackboneConfig>, settings: (keyof BackboneConfig)[]): void {
  const given = settings.filter((setting) => config[setting] !== undefined);
  if (given.length > 0) {
    throw new BackbonesError(
      'invalid-option',
      `${network} has no setting ${given.join(', ')}; other networks do`,
    );
  }
}

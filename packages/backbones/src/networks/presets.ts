/**
 * The networks by name. A preset is a family and its settings; every setting can be changed by a configuration, so that
 * `{network: 'y1', width: 0.25, inputSize: 56}` is a network too.
 */
import { BackbonesError } from '../backbones-error.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import { nearestNames } from '../nearest-names.ts';
import type { BackboneConfig } from './backbone-config.ts';
import { type Family, families } from './families.ts';
import { iresNetBlocks } from './iresnet.ts';
import type { CommonSettings } from './network-settings.ts';
import { resNetBlocks, resNetDepths } from './resnet.ts';

/** A line of {@link listNetworks}. */
export interface NetworkDescription {
  readonly name: string;
  readonly description: string;
  /** What a configuration may change, with its default. */
  readonly settings: Omit<BackboneConfig, 'network' | 'embeddingSize'> & { readonly embeddingSize: number };
}

interface Preset {
  readonly family: keyof typeof families;
  readonly description: string;
  readonly settings: NetworkDescription['settings'];
}

function preset(family: Preset['family'], description: string, settings: Preset['settings']): Preset {
  return { family, description, settings };
}

function residual(description: string, settings: Preset['settings']): Preset {
  return preset('resNet', description, { output: 'E', ...settings });
}

/** A network whose head is a depthwise convolution over the whole map. */
function mobile(family: Preset['family'], description: string, settings: Preset['settings']): Preset {
  return preset(family, description, { output: 'GDC', ...settings });
}

function dense(layers: number, blocks: readonly number[], stem = 64): Preset {
  return preset('denseNet', `DenseNet of ${layers} layers`, {
    embeddingSize: 512,
    blocks,
    filters: [stem],
    output: 'E',
  });
}

const PRESETS: Readonly<Record<string, Preset>> = {
  y1: mobile('mobileFaceNet', 'MobileFaceNet', { embeddingSize: 128, blocks: [1, 4, 6, 2] }),
  y2: mobile('mobileFaceNet', 'MobileFaceNet, more than twice as deep', {
    embeddingSize: 256,
    blocks: [2, 8, 16, 4],
  }),
  'y1-narrow': mobile('mobileFaceNet', 'MobileFaceNet of a quarter of the width, for small machines', {
    embeddingSize: 64,
    width: 0.25,
    blocks: [1, 4, 6, 2],
  }),
  'r8-narrow': residual(
    'IR-ResNet of three units behind a strided stem, 16 to 128 channels, for small images',
    {
      embeddingSize: 128,
      blocks: [1, 1, 1],
      filters: [16, 32, 64, 128],
      stemStride: 2,
      dropout: 0.2,
    },
  ),
  'r10-narrow': residual('IR-ResNet of four units, 16 to 128 channels, for small images', {
    embeddingSize: 128,
    blocks: [1, 1, 1, 1],
    filters: [16, 16, 32, 64, 128],
    dropout: 0.2,
  }),
  ...Object.fromEntries(
    resNetDepths.map((layers) => [
      `r${layers}`,
      residual(`IR-ResNet of ${layers} layers`, { embeddingSize: 512, blocks: resNetBlocks(layers) }),
    ]),
  ),
  r50v1: residual('ResNet of 50 layers with the first kind of unit', {
    embeddingSize: 512,
    blocks: resNetBlocks(50),
    unit: 1,
  }),
  r100fc: residual('IR-ResNet of 100 layers without dropout', {
    embeddingSize: 512,
    blocks: resNetBlocks(100),
    output: 'FC',
  }),
  m1: mobile('mobileNet', 'MobileNet', { embeddingSize: 256 }),
  m05: mobile('mobileNet', 'MobileNet of half the width', { embeddingSize: 256, width: 0.5 }),
  mnas: mobile('mnasNet', 'MnasNet', { embeddingSize: 256 }),
  mnas05: mobile('mnasNet', 'MnasNet of half the width', { embeddingSize: 256, width: 0.5 }),
  mnas025: mobile('mnasNet', 'MnasNet of a quarter of the width', { embeddingSize: 256, width: 0.25 }),
  d121: dense(121, [6, 12, 24, 16]),
  d161: dense(161, [6, 12, 36, 24], 96),
  d169: dense(169, [6, 12, 32, 32]),
  d201: dense(201, [6, 12, 48, 32]),
  vargfacenet: preset('varGFaceNet', 'VarGFaceNet', {
    embeddingSize: 512,
    width: 1.25,
    blocks: [3, 7, 4],
    output: 'J',
  }),
  ...Object.fromEntries(
    Object.entries(iresNetBlocks).map(([layers, blocks]) => [
      `iresnet${layers}`,
      preset('iresNet', `IR-ResNet of ${layers} layers as arcface_torch names it`, {
        embeddingSize: 512,
        blocks,
        dropout: 0,
      }),
    ]),
  ),
  mbf: preset('torchMobileFaceNet', 'MobileFaceNet of twice the width as arcface_torch names it', {
    embeddingSize: 512,
    width: 2,
    blocks: [1, 4, 6, 2],
  }),
  mbf_large: preset(
    'torchMobileFaceNet',
    'MobileFaceNet of four times the width, deeper, as arcface_torch names it',
    {
      embeddingSize: 512,
      width: 4,
      blocks: [2, 8, 12, 4],
    },
  ),
};

/** Ten times what any network has. Numbers may come from a file. */
const MOST_BLOCKS = 1000;

/** All presets. */
export function listNetworks(): NetworkDescription[] {
  return Object.entries(PRESETS).map(([name, { description, settings }]) => ({
    name,
    description,
    settings,
  }));
}

/** The family of a preset. */
export function networkFamily(network: string): keyof typeof families | undefined {
  return Object.hasOwn(PRESETS, network) ? PRESETS[network]?.family : undefined;
}

/**
 * The network of a preset or configuration, as data.
 *
 * @throws BackbonesError `invalid-option` for an unknown preset or setting, `invalid-graph` if images are too small
 */
export function networkGraph(preset: string | BackboneConfig): NetworkGraph {
  const { network, ...changes } = typeof preset === 'string' ? { network: preset } : preset;
  const found = Object.hasOwn(PRESETS, network) ? PRESETS[network] : undefined;
  if (found === undefined) {
    throw new BackbonesError(
      'invalid-option',
      `there is no network ${JSON.stringify(network)}; the nearest are ${nearestNames(network, Object.keys(PRESETS)).join(', ')}`,
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
  if (config.blocks?.some((count) => count > MOST_BLOCKS)) {
    throw new BackbonesError(
      'invalid-option',
      `a stage has at most ${MOST_BLOCKS} blocks, found [${config.blocks}]`,
    );
  }
  const { layerDropout = 0, batchNormMomentum } = config;
  for (const [setting, share] of Object.entries({ dropout, layerDropout, batchNormMomentum })) {
    if (share !== undefined && !(share >= 0 && share < 1)) {
      throw new BackbonesError('invalid-option', `${setting} must be from 0 to below 1, found ${share}`);
    }
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
  const family: Family = families[found.family];
  refuseUnused(network, config, family.without);
  const graph = family.graph(common, config);
  return batchNormMomentum === undefined ? graph : withMomentum(graph, batchNormMomentum);
}

function withMomentum(graph: NetworkGraph, momentum: number): NetworkGraph {
  const nodes = graph.nodes.map((node) =>
    node.layer.kind === 'batch-norm' ? { ...node, layer: { ...node.layer, momentum } } : node,
  );
  return { ...graph, nodes };
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
function refuseUnused(
  network: string,
  config: Partial<BackboneConfig>,
  unused: readonly (keyof BackboneConfig)[],
): void {
  const given = unused.filter((setting) => config[setting] !== undefined);
  if (given.length > 0) {
    throw new BackbonesError(
      'invalid-option',
      `${network} has no setting ${given.join(', ')}; other networks do`,
    );
  }
}

/**
 * The IR-ResNets of arcface_torch, InsightFace's PyTorch code: the third residual unit of `residual-units.ts` under
 * PyTorch's names and conventions, so that its published models load by name.
 *
 * What differs from the MXNet network of the same depth: names, epsilon, running variances (unbiased), pixels divided by
 * 127.5 instead of 128, the initialiser, and no dropout unless it is asked for. Depth 200 has other stages.
 */
import { BackbonesError } from '../backbones-error.ts';
import { GraphBuilder } from '../graph/graph-builder.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import { type ArrayShapes, sequenceLength, sideOfImage } from './array-shapes.ts';
import type { BackboneConfig } from './backbone-config.ts';
import { type CommonSettings, scaledChannels } from './network-settings.ts';
import { TorchLayers } from './torch-layers.ts';

export interface IResNetSettings extends CommonSettings {
  /** Number of units of each stage. */
  readonly blocks: readonly number[];
  /** Channels of the stem, then of each stage. */
  readonly filters: readonly number[];
}

/** Units of each stage by number of layers. */
export const iresNetBlocks = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 14, 3],
  100: [3, 13, 30, 3],
  200: [6, 26, 60, 6],
} as const;

export function iresNet(settings: IResNetSettings): NetworkGraph {
  const { name, inputShape, blocks, width, embeddingSize, dropout } = settings;
  if (
    settings.filters.length !== blocks.length + 1 ||
    blocks.some((count) => !Number.isInteger(count) || count < 1)
  ) {
    throw new BackbonesError(
      'invalid-option',
      `an IResNet needs a positive number of units a stage, and channels for the stem and each stage; found blocks [${blocks}] and filters [${settings.filters}]`,
    );
  }
  const [stem, ...stages] = settings.filters.map((channels) => scaledChannels(channels, width));
  const graph = new GraphBuilder(name, inputShape);
  const layers = new TorchLayers(graph);
  let x = layers.normalisedImages(graph.input);
  x = layers.convolution('conv1', x, { filters: stem!, kernel: 3, padding: 1 });
  x = layers.prelu('prelu', layers.batchNorm('bn1', x));
  stages.forEach((filters, stage) => {
    for (let i = 0; i < blocks[stage]!; i++) {
      x = addUnit(layers, x, { path: `layer${stage + 1}.${i}`, filters, isFirst: i === 0 });
    }
  });
  x = layers.dropout('dropout', layers.batchNorm('bn2', x), dropout);
  const output = layers.batchNorm('features', layers.linear('fc', x, embeddingSize), { frozenGamma: true });
  return graph.build(output, {
    // nn.init.normal_(weight, 0, 0.1) for convolutions, nn.Linear's own for the last matrix.
    distribution: 'gaussian',
    fan: 'none',
    magnitude: 0.01,
    fullyConnected: { distribution: 'uniform', fan: 'in', magnitude: 1 },
  });
}

/** The first unit of a stage halves height and width, and has a convolution in its shortcut. */
function addUnit(
  layers: TorchLayers,
  x: string,
  { path, filters, isFirst }: { path: string; filters: number; isFirst: boolean },
): string {
  const stride = isFirst ? 2 : 1;
  let y = layers.batchNorm(`${path}.bn1`, x);
  y = layers.convolution(`${path}.conv1`, y, { filters, kernel: 3, padding: 1 });
  y = layers.prelu(`${path}.prelu`, layers.batchNorm(`${path}.bn2`, y));
  y = layers.convolution(`${path}.conv2`, y, { filters, kernel: 3, stride, padding: 1 });
  y = layers.batchNorm(`${path}.bn3`, y);
  const shortcut = isFirst
    ? layers.batchNorm(
        `${path}.downsample.1`,
        layers.convolution(`${path}.downsample.0`, x, { filters, stride }),
      )
    : x;
  return layers.sum(path, y, shortcut);
}

/** What the arrays of such a network tell of it. */
export function iresNetSettings(shapes: ArrayShapes): Omit<BackboneConfig, 'network'> {
  const stages = [1, 2, 3, 4].map((stage) => `layer${stage}`);
  const filters = ['conv1', ...stages.map((stage) => `${stage}.0.conv1`)].map(
    (path) => shapes.get(`${path}.weight`)?.[0] ?? 0,
  );
  const [embeddingSize, flattened = 0] = shapes.get('fc.weight') ?? [];
  return {
    blocks: stages.map((stage) => sequenceLength(shapes, `${stage}.`)),
    filters,
    embeddingSize,
    inputSize: sideOfImage(flattened / filters.at(-1)!),
  };
}

/**
 * The MobileFaceNets of arcface_torch (`mbf`, `mbf_large`): as `mobilefacenet.ts` builds them, but wider outside of the
 * bottlenecks, and with the names that nested `nn.Sequential`s give.
 */
import { BackbonesError } from '../backbones-error.ts';
import { GraphBuilder } from '../graph/graph-builder.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import type { ConvolutionSettings } from '../layers/convolution.ts';
import { type ArrayShapes, REDUCTION, sequenceLength } from './array-shapes.ts';
import type { BackboneConfig } from './backbone-config.ts';
import { type CommonSettings, scaledChannels } from './network-settings.ts';
import { TorchLayers } from './torch-layers.ts';

export interface TorchMobileFaceNetSettings extends CommonSettings {
  /** Number of residual bottlenecks of the four stages; 1 in the first means a single grouped layer. */
  readonly blocks: readonly number[];
}

/** Channels ahead of the head, whatever the width. */
const LAST = 512;

export function torchMobileFaceNet(settings: TorchMobileFaceNetSettings): NetworkGraph {
  const { name, inputShape, blocks, width, embeddingSize } = settings;
  const [first, second, third, fourth] = blocks;
  if (blocks.length !== 4 || blocks.some((count) => !Number.isInteger(count) || count < 1)) {
    throw new BackbonesError(
      'invalid-option',
      `MobileFaceNet has four stages, such as [1, 4, 6, 2]; found [${blocks}]`,
    );
  }
  const [narrow, wide] = [scaledChannels(64, width), scaledChannels(128, width)];
  // Depthwise at the width of 1; the wider ones keep the number of groups.
  const groups = narrow % 64 === 0 ? 64 : narrow;
  const graph = new GraphBuilder(name, inputShape);
  const layers = new TorchLayers(graph);
  const blocksOf = new Bottlenecks(layers);
  let x = layers.normalisedImages(graph.input);
  x = blocksOf.active('layers.0.layers', x, { filters: narrow, kernel: 3, stride: 2, padding: 1 });
  x =
    first === 1
      ? blocksOf.active('layers.1.layers', x, { filters: narrow, kernel: 3, padding: 1, groups })
      : blocksOf.residual('layers.1', x, { count: first!, filters: narrow, inner: 128 });
  x = blocksOf.bottleneck('layers.2.layers', x, { filters: narrow, inner: 128, stride: 2 });
  x = blocksOf.residual('layers.3', x, { count: second!, filters: narrow, inner: 128 });
  x = blocksOf.bottleneck('layers.4.layers', x, { filters: wide, inner: 256, stride: 2 });
  x = blocksOf.residual('layers.5', x, { count: third!, filters: wide, inner: 256 });
  x = blocksOf.bottleneck('layers.6.layers', x, { filters: wide, inner: 512, stride: 2 });
  x = blocksOf.residual('layers.7', x, { count: fourth!, filters: wide, inner: 256 });
  x = blocksOf.active('conv_sep.layers', x, { filters: LAST });
  const [height, across] = graph.shape(x) as [number, number, number];
  x = blocksOf.linear('features.layers.0.layers', x, {
    filters: LAST,
    kernel: [height, across],
    groups: LAST,
  });
  x = layers.linear('features.layers.2', x, embeddingSize, { bias: false });
  const output = layers.batchNorm('features.layers.3', x);
  return graph.build(output, { distribution: 'gaussian', fan: 'out', magnitude: 2 });
}

/** What the arrays of such a network tell of it. */
export function torchMobileFaceNetSettings(shapes: ArrayShapes): Omit<BackboneConfig, 'network'> {
  const [narrow = 0] = shapes.get('layers.0.layers.0.weight') ?? [];
  const [embeddingSize] = shapes.get('features.layers.2.weight') ?? [];
  const [, , height = 0, across = 0] = shapes.get('features.layers.0.layers.0.weight') ?? [];
  const isSingle = shapes.has('layers.1.layers.0.weight');
  return {
    blocks: [1, 3, 5, 7].map((stage) =>
      stage === 1 && isSingle ? 1 : sequenceLength(shapes, `layers.${stage}.layers.`),
    ),
    width: narrow / 64,
    embeddingSize,
    inputSize: height > 0 && across > 0 ? [REDUCTION * height, REDUCTION * across] : undefined,
  };
}

/** The parts that the network repeats. */
class Bottlenecks {
  readonly #layers: TorchLayers;

  constructor(layers: TorchLayers) {
    this.#layers = layers;
  }

  /** Convolution and batch norm. */
  linear(path: string, x: string, settings: ConvolutionSettings): string {
    return this.#layers.batchNorm(`${path}.1`, this.#layers.convolution(`${path}.0`, x, settings));
  }

  /** Convolution, batch norm and PReLU. */
  active(path: string, x: string, settings: ConvolutionSettings): string {
    return this.#layers.prelu(`${path}.2`, this.linear(path, x, settings));
  }

  /** Pointwise, depthwise, pointwise. */
  bottleneck(
    path: string,
    x: string,
    { filters, inner, stride }: { filters: number; inner: number; stride: number },
  ): string {
    const expanded = this.active(`${path}.0.layers`, x, { filters: inner });
    const depthwise = { filters: inner, kernel: 3, stride, padding: 1, groups: inner };
    const convolved = this.active(`${path}.1.layers`, expanded, depthwise);
    return this.linear(`${path}.2.layers`, convolved, { filters });
  }

  /** Bottlenecks, each added to what it was given. */
  residual(
    path: string,
    x: string,
    { count, filters, inner }: { count: number; filters: number; inner: number },
  ): string {
    let value = x;
    for (let i = 0; i < count; i++) {
      const unit = `${path}.layers.${i}`;
      const changed = this.bottleneck(`${unit}.layers`, value, { filters, inner, stride: 1 });
      value = this.#layers.sum(unit, value, changed);
    }
    return value;
  }
}

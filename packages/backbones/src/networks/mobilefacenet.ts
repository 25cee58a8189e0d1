/**
 * MobileFaceNet (Chen et al., 2018) as the reference builds it: a strided stem, then inverted bottlenecks (pointwise,
 * depthwise, pointwise) with and without stride, a wide pointwise layer, and by default a depthwise convolution over the
 * whole last map as its head.
 */
import { BackbonesError } from '../backbones-error.ts';
import { type Activation, GraphBuilder } from '../graph/graph-builder.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import type { ConvolutionSettings } from '../layers/convolution.ts';
import { type CommonSettings, scaledChannels } from './network-settings.ts';
import { addOutputHead } from './output-heads.ts';

export interface MobileFaceNetSettings extends CommonSettings {
  /** Number of residual bottlenecks of the four stages; 1 in the first means a single depthwise layer. */
  readonly blocks: readonly number[];
  /** Stride of the first convolution: 2 for images of 112, 1 to keep more of small ones. */
  readonly stemStride: number;
}

/** MXNet's default: these layers don't set one. */
const EPSILON = 1e-3;

export function mobileFaceNet(settings: MobileFaceNetSettings): NetworkGraph {
  const { name, inputShape, activation, blocks, width, stemStride } = settings;
  const [first, second, third, fourth] = blocks;
  if (blocks.length !== 4 || blocks.some((count) => !Number.isInteger(count) || count < 0) || first === 0) {
    throw new BackbonesError(
      'invalid-option',
      `MobileFaceNet has four stages, such as [1, 4, 6, 2]; found [${blocks}]`,
    );
  }
  const graph = new GraphBuilder(name, inputShape);
  const bottlenecks = new Bottlenecks(graph, activation);
  const channels = (count: number): number => scaledChannels(count, width);
  const [c64, c128, c256, c512] = [channels(64), channels(128), channels(256), channels(512)];

  let x = graph.normalisedImages(graph.input);
  x = bottlenecks.block('conv_1', x, { filters: c64, kernel: 3, stride: stemStride, padding: 1 });
  x =
    first === 1
      ? bottlenecks.block('conv_2_dw', x, { filters: c64, kernel: 3, padding: 1, groups: c64 })
      : bottlenecks.residual('res_2', x, { count: first!, filters: c64, expanded: c64 });
  x = bottlenecks.bottleneck('dconv_23', x, { filters: c64, expanded: c128, stride: 2 });
  x = bottlenecks.residual('res_3', x, { count: second!, filters: c64, expanded: c128 });
  x = bottlenecks.bottleneck('dconv_34', x, { filters: c128, expanded: c256, stride: 2 });
  x = bottlenecks.residual('res_4', x, { count: third!, filters: c128, expanded: c256 });
  x = bottlenecks.bottleneck('dconv_45', x, { filters: c128, expanded: c512, stride: 2 });
  x = bottlenecks.residual('res_5', x, { count: fourth!, filters: c128, expanded: c256 });
  x = bottlenecks.block('conv_6sep', x, { filters: c512 });
  const output = addOutputHead(graph, x, settings.output, settings);
  return graph.build(output, { distribution: 'gaussian', fan: 'out', magnitude: 2 });
}

/** The parts that the network repeats. */
class Bottlenecks {
  readonly #graph: GraphBuilder;
  readonly #activation: Activation;

  constructor(graph: GraphBuilder, activation: Activation) {
    this.#graph = graph;
    this.#activation = activation;
  }

  /** Convolution and batch norm. */
  linear(name: string, x: string, settings: ConvolutionSettings): string {
    const convolved = this.#graph.convolution(`${name}_conv2d`, x, settings);
    return this.#graph.batchNorm(`${name}_batchnorm`, convolved, { epsilon: EPSILON });
  }

  /** Convolution, batch norm and activation. */
  block(name: string, x: string, settings: ConvolutionSettings): string {
    return this.#graph.activation(`${name}_relu`, this.linear(name, x, settings), this.#activation);
  }

  /** Widens, convolves each channel by itself, narrows again. */
  bottleneck(
    name: string,
    x: string,
    { filters, expanded, stride }: { filters: number; expanded: number; stride: number },
  ): string {
    const wide = this.block(`${name}_conv_sep`, x, { filters: expanded });
    const depthwise = this.block(`${name}_conv_dw`, wide, {
      filters: expanded,
      kernel: 3,
      stride,
      padding: 1,
      groups: expanded,
    });
    return this.linear(`${name}_conv_proj`, depthwise, { filters });
  }

  /** Bottlenecks, each added to what it was given. */
  residual(
    name: string,
    x: string,
    { count, filters, expanded }: { count: number; filters: number; expanded: number },
  ): string {
    let value = x;
    for (let i = 0; i < count; i++) {
      const shortcut = value;
      const changed = this.bottleneck(`${name}_block${i}`, value, { filters, expanded, stride: 1 });
      value = this.#graph.sum(changed, shortcut);
    }
    return value;
  }
}

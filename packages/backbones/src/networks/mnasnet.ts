/**
 * MnasNet (Tan et al., 2019) as the reference builds it for faces: inverted bottlenecks whose windows and widths were
 * found by a search.
 */
import { GraphBuilder } from '../graph/graph-builder.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import { GluonLayers } from './gluon-layers.ts';
import { type CommonSettings, flooredChannels } from './network-settings.ts';
import { addOutputHead } from './output-heads.ts';

interface Stage {
  readonly name: string;
  /** How many times wider a bottleneck is inside than its input. */
  readonly expansion: number;
  readonly channels: number;
  readonly count: number;
  /** Window and stride of the first bottleneck; the others have 3 and 1. */
  readonly kernel: number;
  readonly stride: number;
}

const STAGES: readonly Stage[] = [
  { name: 'stage2', expansion: 3, channels: 24, count: 3, kernel: 3, stride: 2 },
  { name: 'stage3', expansion: 3, channels: 40, count: 3, kernel: 5, stride: 2 },
  { name: 'stage4_1', expansion: 6, channels: 80, count: 3, kernel: 5, stride: 2 },
  { name: 'stage4_2', expansion: 6, channels: 96, count: 2, kernel: 3, stride: 1 },
  { name: 'stage5_1', expansion: 6, channels: 192, count: 4, kernel: 5, stride: 2 },
  { name: 'stage5_2', expansion: 6, channels: 320, count: 1, kernel: 3, stride: 1 },
];
const PREFIX = 'mnasnet0';

export function mnasNet(settings: CommonSettings): NetworkGraph {
  const { name, inputShape, width } = settings;
  const channels = (count: number): number => flooredChannels(count, width);
  const graph = new GraphBuilder(name, inputShape);
  const bottlenecks = new MnasBottlenecks(graph);
  let x = graph.normalisedImages(graph.input);
  const stem = channels(32);
  x = bottlenecks.block(`${PREFIX}_stage1_conv0`, x, { filters: stem, kernel: 3, padding: 1 });
  x = bottlenecks.block(`${PREFIX}_stage1_sepconv0`, x, {
    filters: stem,
    kernel: 3,
    padding: 1,
    groups: stem,
  });
  x = bottlenecks.block(`${PREFIX}_stage1_sepconv0`, x, { filters: channels(16) }, 1);
  for (const { name: stage, expansion, channels: filters, count, kernel, stride } of STAGES) {
    for (let i = 0; i < count; i++) {
      x = bottlenecks.bottleneck(`${PREFIX}_${stage}_expandedconv${i}`, x, {
        expansion,
        filters: channels(filters),
        kernel: i === 0 ? kernel : 3,
        stride: i === 0 ? stride : 1,
        residual: i > 0,
      });
    }
  }
  const last = channels(1024);
  x = bottlenecks.block(`${PREFIX}_stage5_3`, x, { filters: last });
  const output = addOutputHead(graph, x, settings.output, { ...settings, depthwiseFilters: last });
  return graph.build(output, { distribution: 'uniform', fan: 'in', magnitude: 2 });
}

class MnasBottlenecks {
  readonly #graph: GraphBuilder;
  readonly #layers: GluonLayers;

  constructor(graph: GraphBuilder) {
    this.#graph = graph;
    this.#layers = new GluonLayers(graph);
  }

  /** Convolution, batch norm, PReLU; numbered, where a prefix has two of each. */
  block(prefix: string, x: string, settings: Parameters<GluonLayers['convolution']>[2], number = 0): string {
    return this.#layers.prelu(`${prefix}_prelu${number}`, this.#linear(prefix, x, settings, number));
  }

  bottleneck(
    prefix: string,
    x: string,
    settings: { expansion: number; filters: number; kernel: number; stride: number; residual: boolean },
  ): string {
    const { expansion, filters, kernel, stride, residual } = settings;
    const wide = expansion * this.#graph.channels(x);
    const expanded = this.block(`${prefix}_expand`, x, { filters: wide });
    const depthwise = this.block(`${prefix}_dwise`, expanded, {
      filters: wide,
      kernel,
      stride,
      padding: (kernel - 1) / 2,
      groups: wide,
    });
    const narrow = this.#linear(`${prefix}_linear`, depthwise, { filters });
    return residual ? this.#graph.add(`${prefix}_elemwise_add0`, { kind: 'add' }, narrow, x) : narrow;
  }

  #linear(
    prefix: string,
    x: string,
    settings: Parameters<GluonLayers['convolution']>[2],
    number = 0,
  ): string {
    const convolved = this.#layers.convolution(`${prefix}_conv${number}`, x, settings);
    return this.#layers.batchNorm(`${prefix}_batchnorm${number}`, convolved);
  }
}

/**
 * ResNets for faces, as the reference builds them (ArcFace, Deng et al., 2019): a stem without pooling that keeps the
 * size of the image, stages of residual units that halve it each, and an output head.
 */
import { BackbonesError } from '../backbones-error.ts';
import { GraphBuilder } from '../graph/graph-builder.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import { type CommonSettings, scaledChannels } from './network-settings.ts';
import { addOutputHead } from './output-heads.ts';
import { type ResidualUnitVersion, residualUnits } from './residual-units.ts';

export interface ResNetSettings extends CommonSettings {
  /** Number of units of each stage. */
  readonly blocks: readonly number[];
  /** Channels of the stem, then of each stage. */
  readonly filters: readonly number[];
  readonly unit: ResidualUnitVersion;
  /**
   * How images come in: 0 a 7x7 convolution with stride 2, 1 a 3x3 one, 2 the same behind a batch norm of the raw
   * images instead of the fixed scale.
   */
  readonly stem: 0 | 1 | 2;
  /** Stride of the 3x3 stem. The reference's is 1; 2 is for small machines. */
  readonly stemStride: number;
  readonly squeezeExcitation: boolean;
}

/** Units of each stage by number of layers. */
const DEPTHS: Readonly<Record<number, readonly number[]>> = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  49: [3, 4, 14, 3],
  50: [3, 4, 14, 3],
  74: [3, 6, 24, 3],
  90: [3, 8, 30, 3],
  98: [3, 4, 38, 3],
  99: [3, 8, 35, 3],
  100: [3, 13, 30, 3],
  101: [3, 4, 23, 3],
  124: [3, 13, 40, 5],
  134: [3, 10, 50, 3],
  136: [3, 13, 48, 3],
  140: [3, 15, 48, 3],
  152: [3, 8, 36, 3],
  160: [3, 24, 49, 3],
  200: [3, 24, 36, 3],
  269: [3, 30, 48, 8],
};

export const resNetDepths: readonly number[] = Object.keys(DEPTHS).map(Number);

/** Units of each stage of a ResNet of so many layers. */
export function resNetBlocks(layers: number): readonly number[] {
  const blocks = DEPTHS[layers];
  if (blocks === undefined) {
    throw new BackbonesError(
      'invalid-option',
      `there is no ResNet of ${layers} layers; there are ${resNetDepths.join(', ')}`,
    );
  }
  return blocks;
}

export function resNet(settings: ResNetSettings): NetworkGraph {
  const { name, inputShape, blocks, width, unit, stem, activation, squeezeExcitation } = settings;
  if (
    settings.filters.length !== blocks.length + 1 ||
    blocks.some((count) => !Number.isInteger(count) || count < 1)
  ) {
    throw new BackbonesError(
      'invalid-option',
      `a ResNet needs a positive number of units a stage, and channels for the stem and each stage; found blocks [${blocks}] and filters [${settings.filters}]`,
    );
  }
  const addUnit = residualUnits[unit];
  if (addUnit === undefined) {
    throw new BackbonesError('invalid-option', `there is no residual unit ${unit}; there are 1, 2 and 3`);
  }
  const filters = settings.filters.map((channels) => scaledChannels(channels, width));
  const graph = new GraphBuilder(name, inputShape);
  let x = addStem(graph, settings, filters[0]!);
  blocks.forEach((count, stage) => {
    for (let i = 0; i < count; i++) {
      x = addUnit(graph, x, {
        name: `stage${stage + 1}_unit${i + 1}`,
        filters: filters[stage + 1]!,
        stride: i === 0 ? 2 : 1,
        keepsShape: i > 0,
        activation,
        squeezeExcitation,
        strideFirst: stem === 0,
      });
    }
  });
  const output = addOutputHead(graph, x, settings.output, settings);
  return graph.build(output, { distribution: 'gaussian', fan: 'out', magnitude: 2 });
}

function addStem(
  graph: GraphBuilder,
  { stem, stemStride, activation }: ResNetSettings,
  filters: number,
): string {
  const images =
    stem === 2
      ? graph.batchNorm('bn_data', graph.input, { fixGamma: true })
      : graph.normalisedImages(graph.add('id', { kind: 'identity' }, graph.input));
  const convolved =
    stem === 0
      ? graph.convolution('conv0', images, { filters, kernel: 7, stride: 2, padding: 3 })
      : graph.convolution('conv0', images, { filters, kernel: 3, stride: stemStride, padding: 1 });
  return graph.activation('relu0', graph.batchNorm('bn0', convolved), activation);
}

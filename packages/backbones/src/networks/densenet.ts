/**
 * DenseNet (Huang et al., 2017) as the reference builds it for faces: each layer sees the channels of all layers before
 * it in its stage. The stem is a 3x3 convolution without stride, as images are small.
 */
import { BackbonesError } from '../backbones-error.ts';
import { GraphBuilder } from '../graph/graph-builder.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import { GluonLayers } from './gluon-layers.ts';
import type { CommonSettings } from './network-settings.ts';
import { addOutputHead } from './output-heads.ts';

export interface DenseNetSettings extends CommonSettings {
  /** Number of layers of each stage. */
  readonly blocks: readonly number[];
  /** Channels of the stem; each layer adds half as many. */
  readonly stemFilters: number;
  /** Share dropped of what each layer adds. */
  readonly layerDropout: number;
}

/** Inner channels of a layer, in multiples of what it adds. */
const BOTTLENECK = 4;
const PREFIX = 'densenet0';

export function denseNet(settings: DenseNetSettings): NetworkGraph {
  const { name, inputShape, blocks, stemFilters, layerDropout } = settings;
  if (blocks.length === 0 || blocks.some((count) => !Number.isInteger(count) || count < 1)) {
    throw new BackbonesError(
      'invalid-option',
      `a DenseNet needs a positive number of layers a stage, found [${blocks}]`,
    );
  }
  const graph = new GraphBuilder(name, inputShape);
  const layers = new GluonLayers(graph);
  let x = graph.normalisedImages(graph.input);
  x = layers.convolution(`${PREFIX}_conv0`, x, { filters: stemFilters, kernel: 3, padding: 1 });
  x = layers.relu(`${PREFIX}_relu0`, layers.batchNorm(`${PREFIX}_batchnorm0`, x));
  x = layers.pooling(`${PREFIX}_pool0`, x, { method: 'maximum', kernel: 3, stride: 2, padding: 1 });
  blocks.forEach((count, stage) => {
    if (stage > 0) {
      x = addTransition(graph, layers, x, stage);
    }
    const prefix = `${PREFIX}_stage${stage + 1}`;
    x = addStage(graph, layers, x, { prefix, count, growth: stemFilters / 2, layerDropout });
  });
  x = layers.relu(`${PREFIX}_relu1`, layers.batchNorm(`${PREFIX}_batchnorm${blocks.length}`, x));
  const output = addOutputHead(graph, x, settings.output, settings);
  return graph.build(output, { distribution: 'uniform', fan: 'in', magnitude: 2 });
}

interface StageSettings extends Pick<DenseNetSettings, 'layerDropout'> {
  readonly prefix: string;
  readonly count: number;
  /** Channels that a layer adds. */
  readonly growth: number;
}

function addStage(
  graph: GraphBuilder,
  layers: GluonLayers,
  input: string,
  { prefix, count, growth, layerDropout }: StageSettings,
): string {
  let x = input;
  for (let i = 0; i < count; i++) {
    const [first, second] = [2 * i, 2 * i + 1];
    let y = layers.prelu(`${prefix}_prelu${first}`, layers.batchNorm(`${prefix}_batchnorm${first}`, x));
    y = layers.convolution(`${prefix}_conv${first}`, y, { filters: BOTTLENECK * growth });
    y = layers.prelu(`${prefix}_prelu${second}`, layers.batchNorm(`${prefix}_batchnorm${second}`, y));
    y = layers.convolution(`${prefix}_conv${second}`, y, { filters: growth, kernel: 3, padding: 1 });
    y = layers.dropout(`${prefix}_dropout${i}`, y, layerDropout);
    x = graph.add(`${prefix}_concat${i}`, { kind: 'concatenate' }, x, y);
  }
  return x;
}

/** Halves channels, height and width between two stages. */
function addTransition(graph: GraphBuilder, layers: GluonLayers, x: string, stage: number): string {
  const filters = Math.floor(graph.channels(x) / 2);
  let y = layers.prelu(`${PREFIX}_prelu${stage - 1}`, layers.batchNorm(`${PREFIX}_batchnorm${stage}`, x));
  y = layers.convolution(`${PREFIX}_conv${stage}`, y, { filters });
  return layers.pooling(`${PREFIX}_pool${stage}`, y, { method: 'average', kernel: 2, stride: 2, padding: 0 });
}

/**
 * MobileNet (Howard et al., 2017) as the reference builds it for faces: thirteen pairs of a depthwise and a pointwise
 * convolution behind a stem that keeps the size of the image.
 */
import { GraphBuilder } from '../graph/graph-builder.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import type { ConvolutionSettings } from '../layers/convolution.ts';
import { type CommonSettings, scaledChannels } from './network-settings.ts';
import { addOutputHead } from './output-heads.ts';

/** Channels and stride of each pair. */
const PAIRS = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
] as const;
/** MXNet's defaults: these layers set neither. */
const DEFAULTS = { epsilon: 1e-3, fixGamma: true };

export function mobileNet(settings: CommonSettings): NetworkGraph {
  const { name, inputShape, activation, width } = settings;
  const graph = new GraphBuilder(name, inputShape);
  const block = (node: string, x: string, convolution: ConvolutionSettings): string => {
    const convolved = graph.convolution(`${node}_conv2d`, x, convolution);
    return graph.activation(
      `${node}_relu`,
      graph.batchNorm(`${node}_batchnorm`, convolved, DEFAULTS),
      activation,
    );
  };
  let channels = scaledChannels(32, width);
  let x = graph.normalisedImages(graph.input);
  x = block('conv_1', x, { filters: channels, kernel: 3, padding: 1 });
  PAIRS.forEach(([filters, stride], i) => {
    x = block(`conv_${i + 2}_dw`, x, { filters: channels, kernel: 3, stride, padding: 1, groups: channels });
    channels = scaledChannels(filters, width);
    x = block(`conv_${i + 2}`, x, { filters: channels });
  });
  const output = addOutputHead(graph, x, settings.output, settings);
  return graph.build(output, { distribution: 'uniform', fan: 'in', magnitude: 2 });
}

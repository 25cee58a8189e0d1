/**
 * MobileNet (Howard et al., 2017) as the reference builds it for faces: thirteen pairs of a depthwise and a pointwise
 * convolution behind a stem that keeps the size of the image.
 */
import { GraphBuilder } from '../graph/graph-builder.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import type { ConvolutionSettings } from '../layers/convolution.ts';
import { type CommonSettings, flooredChannels } from './network-settings.ts';
import { addOutputHead } from './output-heads.ts';

export interface MobileNetSettings extends CommonSettings {
  /** Stride of the first convolution: 1, or 2 as the reference's `net_input` 0 has it. */
  readonly stemStride: number;
}

/** Channels (in multiples of the stem's) and stride of each pair. */
const PAIRS = [
  [2, 1],
  [4, 2],
  [4, 1],
  [8, 2],
  [8, 1],
  [16, 2],
  [16, 1],
  [16, 1],
  [16, 1],
  [16, 1],
  [16, 1],
  [32, 2],
  [32, 1],
] as const;
const STEM = 32;
/** MXNet's defaults: these layers set neither. */
const DEFAULTS = { epsilon: 1e-3, fixGamma: true };

export function mobileNet(settings: MobileNetSettings): NetworkGraph {
  const { name, inputShape, activation, width, stemStride } = settings;
  const graph = new GraphBuilder(name, inputShape);
  const block = (node: string, x: string, convolution: ConvolutionSettings): string => {
    const convolved = graph.convolution(`${node}_conv2d`, x, convolution);
    return graph.activation(
      `${node}_relu`,
      graph.batchNorm(`${node}_batchnorm`, convolved, DEFAULTS),
      activation,
    );
  };
  const stem = flooredChannels(STEM, width);
  let channels = stem;
  let x = graph.normalisedImages(graph.input);
  x = block('conv_1', x, { filters: stem, kernel: 3, stride: stemStride, padding: 1 });
  PAIRS.forEach(([factor, stride], i) => {
    x = block(`conv_${i + 2}_dw`, x, { filters: channels, kernel: 3, stride, padding: 1, groups: channels });
    channels = factor * stem;
    x = block(`conv_${i + 2}`, x, { filters: channels });
  });
  const output = addOutputHead(graph, x, settings.output, settings);
  return graph.build(output, { distribution: 'uniform', fan: 'in', magnitude: 2 });
}

/**
 * The residual units of the reference's ResNets. Three versions exist, each a list of steps on the way through the unit,
 * and a shortcut that is a convolution where the unit changes the shape:
 *
 * 1. as in the first ResNet: convolve, normalise, activate; activate the sum. The stride sits in the first convolution
 *    with the large stem, in the second one otherwise.
 * 2. pre-activation: normalise and activate ahead of the convolutions; the shortcut starts behind the first activation.
 * 3. the "improved" unit (IR): normalise, convolve, normalise, activate, convolve with stride, normalise.
 *
 * Any of them may weigh its channels by squeeze-and-excitation before the shortcut is added.
 */
import type { Activation, GraphBuilder } from '../graph/graph-builder.ts';
import { squeezeAndExcite } from './squeeze-excitation.ts';

export type ResidualUnitVersion = 1 | 2 | 3;

export interface ResidualUnitSettings {
  readonly name: string;
  readonly filters: number;
  readonly stride: number;
  /** The shape stays, so the input itself is the shortcut. */
  readonly keepsShape: boolean;
  readonly activation: Activation;
  readonly squeezeExcitation: boolean;
  /** For version 1: put the stride into the first convolution. */
  readonly strideFirst: boolean;
}

type ResidualUnit = (graph: GraphBuilder, x: string, settings: ResidualUnitSettings) => string;

export const residualUnits: Readonly<Record<ResidualUnitVersion, ResidualUnit>> = {
  1(graph, x, settings) {
    const { name, filters, activation, strideFirst, stride } = settings;
    const [first, second] = strideFirst ? [stride, 1] : [1, stride];
    let y = graph.convolution(`${name}_conv1`, x, { filters, kernel: 3, stride: first, padding: 1 });
    y = graph.activation(`${name}_relu1`, graph.batchNorm(`${name}_bn1`, y), activation);
    y = graph.convolution(`${name}_conv2`, y, { filters, kernel: 3, stride: second, padding: 1 });
    y = excited(graph, graph.batchNorm(`${name}_bn2`, y), settings);
    return graph.activation(
      `${name}_relu3`,
      graph.sum(y, normalisedShortcut(graph, x, settings)),
      activation,
    );
  },

  2(graph, x, settings) {
    const { name, filters, activation, stride, keepsShape } = settings;
    const active = graph.activation(`${name}_relu1`, graph.batchNorm(`${name}_bn1`, x), activation);
    let y = graph.convolution(`${name}_conv1`, active, { filters, kernel: 3, stride, padding: 1 });
    y = graph.activation(`${name}_relu2`, graph.batchNorm(`${name}_bn2`, y), activation);
    y = excited(graph, graph.convolution(`${name}_conv2`, y, { filters, kernel: 3, padding: 1 }), settings);
    return graph.sum(y, keepsShape ? x : graph.convolution(`${name}_sc`, active, { filters, stride }));
  },

  3(graph, x, settings) {
    const { name, filters, activation, stride } = settings;
    let y = graph.batchNorm(`${name}_bn1`, x);
    y = graph.convolution(`${name}_conv1`, y, { filters, kernel: 3, padding: 1 });
    y = graph.activation(`${name}_relu1`, graph.batchNorm(`${name}_bn2`, y), activation);
    y = graph.convolution(`${name}_conv2`, y, { filters, kernel: 3, stride, padding: 1 });
    y = excited(graph, graph.batchNorm(`${name}_bn3`, y), settings);
    return graph.sum(y, normalisedShortcut(graph, x, settings));
  },
};

function normalisedShortcut(graph: GraphBuilder, x: string, settings: ResidualUnitSettings): string {
  const { name, filters, stride, keepsShape } = settings;
  return keepsShape
    ? x
    : graph.batchNorm(`${name}_sc`, graph.convolution(`${name}_conv1sc`, x, { filters, stride }));
}

function excited(graph: GraphBuilder, x: string, settings: ResidualUnitSettings): string {
  const { name, activation, squeezeExcitation } = settings;
  return squeezeExcitation
    ? squeezeAndExcite(graph, name, x, { reduction: 16, activation, activationName: 'relu1' })
    : x;
}

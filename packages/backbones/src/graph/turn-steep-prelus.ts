/**
 * A PReLU whose slope is above 1 bends the other way from a rectifier, and costs a backend a pass more over the image. Trained
 * networks have many: most PReLUs of the reference's MobileFaceNet have some. Between two layers of weights one can be avoided, as
 *
 *     prelu(x; s) = -s * prelu(-x; 1/s)
 *
 * The layer ahead gives the channel with its sign turned, the slope becomes 1/s, and the layer behind takes the factor -s. The
 * padding of a convolution behind stays zero, and nobody else sees the channel. For inference only: gradients would be others.
 */
import type { ConvolutionLayer } from '../layers/convolution.ts';
import type { FullyConnectedLayer } from '../layers/fully-connected.ts';
import { elementCount, toFloat32 } from '../named-array.ts';
import type { GraphWithValues } from './fold-batch-norms.ts';
import type { LayerNode, NetworkGraph } from './network-graph.ts';

/** A layer of weights: what it gives is linear in what it gets. */
type LinearNode = LayerNode & { readonly layer: ConvolutionLayer | FullyConnectedLayer };

/** A PReLU between layers whose weights are nobody else's. */
interface Between {
  readonly ahead: LinearNode;
  readonly prelu: LayerNode;
  readonly behind: readonly LinearNode[];
}

/** @returns the same network, with no slope above 1 where a PReLU is between layers of weights */
export function turnSteepPrelus({ graph, values }: GraphWithValues): GraphWithValues {
  const turned = new Map(values);
  const change = (name: string, valueAt: (value: number, i: number) => number): void => {
    const array = turned.get(name)!;
    turned.set(name, { ...array, dtype: 'float32', data: toFloat32(array).map(valueAt) });
  };
  for (const { ahead, prelu, behind } of prelusBetween(graph)) {
    const slopes = toFloat32(turned.get(prelu.parameters.slope!)!);
    if (!slopes.some(isSteep)) continue;
    const sign = slopes.map((slope) => (isSteep(slope) ? -1 : 1));
    const factor = slopes.map((slope) => (isSteep(slope) ? -slope : 1));
    const perOutput = elementCount(turned.get(ahead.parameters.weight!)!.shape) / slopes.length;
    change(ahead.parameters.weight!, (value, i) => value * sign[Math.floor(i / perOutput)]!);
    if (ahead.parameters.bias !== undefined) change(ahead.parameters.bias, (value, i) => value * sign[i]!);
    change(prelu.parameters.slope!, (slope) => (isSteep(slope) ? 1 / slope : slope));
    for (const layer of behind) {
      const weight = layer.parameters.weight!;
      const channelOf = inputChannels(layer, elementCount(turned.get(weight)!.shape), slopes.length);
      change(weight, (value, i) => value * factor[channelOf(i)]!);
    }
  }
  return { graph, values: turned };
}

/** Whether a slope can be turned, and should be. */
function isSteep(slope: number): boolean {
  return slope > 1 && Number.isFinite(slope);
}

/** One slope a channel is asked for: one for all is no costlier when it is steep. */
function prelusBetween({ nodes, output }: NetworkGraph): Between[] {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const readers = new Map<string, LayerNode[]>();
  const uses = new Map<string, number>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      if (!readers.has(input)) readers.set(input, []);
      readers.get(input)!.push(node);
    }
    for (const name of Object.values(node.parameters)) uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  const isOwn = ({ parameters }: LayerNode): boolean =>
    Object.values(parameters).every((name) => uses.get(name) === 1);
  const isOwnLinear = (node: LayerNode): node is LinearNode =>
    isOwn(node) && (node.layer.kind === 'convolution' || node.layer.kind === 'fully-connected');
  return nodes.flatMap((prelu) => {
    if (prelu.layer.kind !== 'prelu' || prelu.layer.shared || prelu.name === output || !isOwn(prelu))
      return [];
    const ahead = byName.get(prelu.inputs[0]!);
    const behind = readers.get(prelu.name) ?? [];
    const isBetween =
      ahead !== undefined &&
      isOwnLinear(ahead) &&
      ahead.name !== output &&
      readers.get(ahead.name)!.length === 1 &&
      behind.every(isOwnLinear);
    return isBetween ? [{ ahead, prelu, behind }] : [];
  });
}

/** For each place in a layer's weights, the channel of the image that it is multiplied with. */
function inputChannels({ layer }: LinearNode, weights: number, channels: number): (i: number) => number {
  if (layer.kind === 'fully-connected') {
    const inputs = weights / layer.outputs;
    // An image is flattened channel by channel.
    const perChannel = inputs / channels;
    return (i) => Math.floor((i % inputs) / perChannel);
  }
  const { filters, groups } = layer;
  const perFilter = weights / filters;
  const perGroup = channels / groups;
  const perChannel = perFilter / perGroup;
  return (i) => {
    const group = Math.floor(Math.floor(i / perFilter) / (filters / groups));
    return group * perGroup + Math.floor((i % perFilter) / perChannel);
  };
}

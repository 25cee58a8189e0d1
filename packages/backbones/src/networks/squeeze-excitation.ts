/** Squeeze-and-excitation (Hu et al., 2018): channels weighed by a small network of their means. */
import type { Activation, GraphBuilder } from '../graph/graph-builder.ts';

export interface SqueezeExcitationSettings {
  /** How much narrower it is inside. */
  readonly reduction: number;
  readonly activation: Activation;
  /** What the reference calls the node of the inner activation. */
  readonly activationName: string;
}

export function squeezeAndExcite(
  graph: GraphBuilder,
  name: string,
  x: string,
  { reduction, activation, activationName }: SqueezeExcitationSettings,
): string {
  const channels = graph.channels(x);
  const inner = Math.max(1, Math.floor(channels / reduction));
  let y = graph.globalAverage(`${name}_se_pool1`, x);
  y = graph.convolution(`${name}_se_conv1`, y, { filters: inner, bias: true });
  y = graph.activation(`${name}_se_${activationName}`, y, activation);
  y = graph.convolution(`${name}_se_conv2`, y, { filters: channels, bias: true });
  y = graph.activation(`${name}_se_sigmoid`, y, 'sigmoid');
  return graph.add(graph.numbered('broadcast_mul'), { kind: 'multiply' }, x, y);
}

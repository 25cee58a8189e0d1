/**
 * VarGFaceNet (Yan et al., 2019): 3x3 convolutions in groups of eight channels ("variable groups"), each followed by a
 * pointwise one, and an embedding part of its own ahead of the output head.
 */
import { BackbonesError } from '../backbones-error.ts';
import { GraphBuilder } from '../graph/graph-builder.ts';
import type { NetworkGraph } from '../graph/network-graph.ts';
import { type CommonSettings, checkWidth } from './network-settings.ts';
import { addOutputHead } from './output-heads.ts';
import { squeezeAndExcite } from './squeeze-excitation.ts';

export interface VarGFaceNetSettings extends CommonSettings {
  /** Number of units of the three stages. */
  readonly blocks: readonly number[];
  readonly squeezeExcitation: boolean;
}

/** Channels of a group. */
const GROUP = 8;
const STEM = 32;
/** Channels of the embedding part, whatever the width. */
const EMBEDDING = { wide: 1024, narrow: 512 };

interface Separable {
  readonly filters: number;
  readonly stride: number;
  /** How many times wider the grouped convolution makes its input. */
  readonly factor: number;
  /** Whether an activation ends it. */
  readonly active: boolean;
}

export function varGFaceNet(settings: VarGFaceNetSettings): NetworkGraph {
  const { name, inputShape, blocks, width } = settings;
  checkWidth(width);
  if (blocks.length === 0 || blocks.some((count) => !Number.isInteger(count) || count < 1)) {
    throw new BackbonesError(
      'invalid-option',
      `VarGFaceNet needs a positive number of units a stage, found [${blocks}]`,
    );
  }
  const stem = Math.max(GROUP, GROUP * Math.round((STEM * width) / GROUP));
  const graph = new GraphBuilder(name, inputShape);
  const units = new VariableGroups(graph, settings);
  let x = graph.normalisedImages(graph.add('id', { kind: 'identity' }, graph.input));
  x = graph.convolution('vargface_head_conv1', x, { filters: stem, kernel: 3, padding: 1 });
  x = units.normalised('vargface_head_conv1', x, true);
  x = units.pooling('vargface_head_head_pooling', x);
  blocks.forEach((count, stage) => {
    const filters = stem * 2 ** (stage + 1);
    for (let i = 0; i < count; i++) {
      const unit = `vargface_stage_${stage + 2}_unit_${i + 1}`;
      x = i === 0 ? units.merging(unit, x, filters) : units.residual(unit, x);
    }
  });
  const output = addOutputHead(graph, units.embedding('embed_convx', x), settings.output, settings);
  return graph.build(output, { distribution: 'uniform', fan: 'in', magnitude: 2 });
}

class VariableGroups {
  readonly #graph: GraphBuilder;
  readonly #settings: VarGFaceNetSettings;

  constructor(graph: GraphBuilder, settings: VarGFaceNetSettings) {
    this.#graph = graph;
    this.#settings = settings;
  }

  /** Batch norm, and an activation unless it is left to the sum that follows. */
  normalised(name: string, x: string, active: boolean): string {
    const y = this.#graph.batchNorm(`${name}_bn`, x);
    return active ? this.#graph.activation(`${name}_act`, y, this.#settings.activation) : y;
  }

  /** Keeps the channels and halves height and width. */
  pooling(name: string, x: string): string {
    const filters = this.#graph.channels(x);
    const first = this.#separable(`${name}_sep1_data`, x, { filters, stride: 2, factor: 1, active: true });
    const second = this.#separable(`${name}_sep2_data`, first, {
      filters,
      stride: 1,
      factor: 1,
      active: false,
    });
    const excited = this.#excited(name, second);
    const shortcut = this.#separable(`${name}_shortcut`, x, { filters, stride: 2, factor: 1, active: false });
    return this.#activeSum(`${name}_out_data`, excited, shortcut);
  }

  /** Two strided branches are summed, convolved again, and summed with a strided shortcut. */
  merging(name: string, x: string, filters: number): string {
    const strided = { filters, stride: 2, factor: 2, active: false };
    const first = this.#separable(`${name}_sep1_data_branch`, x, strided);
    const second = this.#separable(`${name}_sep2_data_branch`, x, strided);
    const merged = this.#activeSum(`${name}_sep1_data`, first, second);
    const changed = this.#separable(`${name}_sep2_data`, merged, { ...strided, stride: 1 });
    const shortcut = this.#separable(`${name}_shortcut`, x, strided);
    return this.#activeSum(`${name}_out_data`, changed, shortcut);
  }

  residual(name: string, x: string): string {
    const settings = { filters: this.#graph.channels(x), stride: 1, factor: 2 };
    const first = this.#separable(`${name}_sep1_data`, x, { ...settings, active: true });
    const second = this.#separable(`${name}_sep2_data`, first, { ...settings, active: false });
    return this.#activeSum(`${name}_out_data`, this.#excited(name, second), x);
  }

  /** Widens, convolves the whole map in groups, narrows. */
  embedding(name: string, x: string): string {
    const graph = this.#graph;
    const { wide, narrow } = EMBEDDING;
    const widened = this.normalised(name, graph.convolution(name, x, { filters: wide }), true);
    const [height, width] = graph.shape(widened) as [number, number];
    const grouped = graph.convolution(`${name}_depthwise`, widened, {
      filters: wide,
      kernel: [height, width],
      groups: wide / GROUP,
    });
    const pooled = this.normalised(`${name}_depthwise`, grouped, false);
    const pointwise = graph.convolution(`${name}_pointwise`, pooled, { filters: narrow });
    return this.normalised(`${name}_pointwise`, pointwise, true);
  }

  #separable(name: string, x: string, { filters, stride, factor, active }: Separable): string {
    const channels = this.#graph.channels(x);
    const depthwise = `${name}_conv2d_depthwise`;
    const pointwise = `${name}_conv2d_pointwise`;
    const grouped = this.#graph.convolution(depthwise, x, {
      filters: channels * factor,
      kernel: 3,
      stride,
      padding: 1,
      groups: channels / GROUP,
    });
    const inner = this.normalised(depthwise, grouped, true);
    return this.normalised(pointwise, this.#graph.convolution(pointwise, inner, { filters }), active);
  }

  #activeSum(name: string, a: string, b: string): string {
    return this.#graph.activation(`${name}_act`, this.#graph.sum(a, b), this.#settings.activation);
  }

  #excited(name: string, x: string): string {
    const { squeezeExcitation, activation } = this.#settings;
    return squeezeExcitation
      ? squeezeAndExcite(this.#graph, name, x, { reduction: 4, activation, activationName: 'act1' })
      : x;
  }
}

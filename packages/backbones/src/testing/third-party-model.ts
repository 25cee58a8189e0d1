/**
 * ONNX models as somebody else might bring them: they say nothing of their input, and want pixels normalised outside. Their
 * batch norms have seen images that were fed in the way they are made for.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { OnnxModel, OnnxNode, OnnxTensor } from 'onnx-format';
import { tensorOf, tensorValues } from 'onnx-format';
import { backboneFromGraph } from '../backbone.ts';
import { networkGraph } from '../networks/presets.ts';
import { exportOnnx } from '../onnx/onnx-writer.ts';
import { uniformValues } from './deterministic-values.ts';

export const SIDE = 32;
/** The averages keep 0.9 of themselves at each step. */
const STEPS = 60;

/** Images with a tint: red, green and blue have different means, as in faces. RGB `[count, SIDE, SIDE, 3]`. */
export function tintedImages(count: number): Uint8Array {
  const noise = uniformValues('tinted images', count * SIDE * SIDE * 3, -40, 40);
  const tint = [170, 125, 95];
  return Uint8Array.from(noise, (value, i) => {
    const pixel = Math.floor(i / 3);
    const [x, y] = [pixel % SIDE, Math.floor(pixel / SIDE) % SIDE];
    const shade = 30 * Math.sin(x / 5 + Math.floor(pixel / SIDE ** 2)) + 20 * Math.cos(y / 7);
    return Math.max(0, Math.min(255, tint[i % 3]! + shade + value));
  });
}

export interface ThirdPartyOptions {
  readonly mean: number;
  readonly std: number;
  readonly channels: 'RGB' | 'BGR';
}

/** Makes such a model, and the model that it is made of, which says everything. */
export function thirdPartyModel({ mean, std, channels }: ThirdPartyOptions): {
  readonly silent: OnnxModel;
  readonly told: OnnxModel;
} {
  const graph = networkGraph({
    network: 'r18',
    inputSize: SIDE,
    embeddingSize: 8,
    blocks: [1, 1, 1, 1],
    filters: [8, 8, 8, 8, 8],
    dropout: 0,
  });
  const [first, second, ...nodes] = graph.nodes.filter(({ layer }) => layer.kind !== 'identity');
  const scale = {
    ...second!,
    inputs: [graph.input],
    layer: { kind: 'scale', offset: mean, factor: 1 / std } as const,
  };
  if (first?.layer.kind !== 'scale' || second?.layer.kind !== 'scale') throw new Error('expected two scales');
  const backbone = backboneFromGraph({ ...graph, nodes: [scale, ...nodes] });
  const images = tf.tensor4d(Float32Array.from(tintedImages(16)), [16, SIDE, SIDE, 3]);
  for (let i = 0; i < STEPS; i++) {
    const embeddings = backbone.apply(images, { training: true });
    // Read at every step: a lazy backend would compile all steps as one.
    embeddings.dataSync();
    embeddings.dispose();
  }
  images.dispose();
  const told = exportOnnx(backbone);
  backbone.dispose();
  return { told, silent: withoutNormalisation(told, channels) };
}

/** Takes the arithmetic in front of the first convolution away, and everything that is said. */
function withoutNormalisation(model: OnnxModel, channels: 'RGB' | 'BGR'): OnnxModel {
  const { graph } = model;
  const convolution = graph.nodes.find(({ opType }) => opType === 'Conv')!;
  const [image, weight] = convolution.inputs;
  const nodes = graph.nodes
    .filter(({ opType }) => opType !== 'Sub' && !(opType === 'Mul'))
    .map((node: OnnxNode) =>
      node === convolution ? { ...node, inputs: [graph.inputs[0]!.name, ...node.inputs.slice(1)] } : node,
    );
  if (image === graph.inputs[0]!.name) throw new Error('expected arithmetic in front of the convolution');
  const initializers = graph.initializers.map((tensor) =>
    tensor.name === weight && channels === 'BGR' ? withReversedInputs(tensor) : tensor,
  );
  return { ...model, metadata: new Map(), graph: { ...graph, nodes, initializers } };
}

/** `[out, 3, h, w]` with the three in the other order. */
function withReversedInputs(tensor: OnnxTensor): OnnxTensor {
  const [out, inputs, height, width] = tensor.dims as [number, number, number, number];
  const values = tensorValues(tensor) as Float32Array;
  const area = height * width;
  const reversed = Float32Array.from(values, (_, i) => {
    const plane = Math.floor(i / area);
    const [o, c] = [Math.floor(plane / inputs), plane % inputs];
    return values[(o * inputs + inputs - 1 - c) * area + (i % area)]!;
  });
  return tensorOf(tensor.name, 'float32', [out, inputs, height, width], reversed);
}

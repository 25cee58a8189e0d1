/**
 * Each kind of layer, said in ONNX's operators as they are in inference. Values are NCHW or NC, so weights and the order
 * in which a map is flattened are the reference's own.
 */
import { type OnnxAttributes, type OnnxNode, type OnnxTensor, tensorOf } from 'onnx-format';
import { BackbonesError } from '../backbones-error.ts';
import type { ResolvedNode } from '../graph/network-graph.ts';
import { type ActivationLayer, LEAKY_SLOPE } from '../layers/activation.ts';
import type { Extent, Shape } from '../layers/layer.ts';
import type { Layer } from '../layers/layer-table.ts';
import { averageCorrection, type PoolingLayer, poolingOverhang } from '../layers/pooling.ts';

/** What the operators of one layer are added to. */
export interface OperatorSink {
  /** A parameter's values, in the reference's layout. */
  values(parameter: string): Float32Array;
  /** Adds a constant and returns what it is called there: its own name, unless that means something else already. */
  constant(tensor: OnnxTensor): string;
  /** A name that nothing has yet: this one, if that can be. */
  unusedName(name: string): string;
  /** Adds an operator; the name is the node's and its value's. */
  operator(node: Pick<OnnxNode, 'name' | 'opType' | 'inputs'> & { attributes?: OnnxAttributes }): void;
}

/**
 * Adds the operators of a layer.
 *
 * @param inputs names of the values that go in
 * @param output what the layer's value is called
 * @returns the name of the value: one of the inputs, if the layer does nothing in inference
 */
export function addLayerOperators(
  { node, inputShapes, outputShape }: ResolvedNode,
  inputs: readonly string[],
  output: string,
  sink: OperatorSink,
): string {
  const { layer } = node;
  const shape = inputShapes[0] ?? [];
  const add = (opType: string, operands = inputs, attributes: OnnxAttributes = {}): string => {
    sink.operator({ name: output, opType, inputs: operands, attributes });
    return output;
  };
  /** The parameter in a slot as a constant of the given shape, under its own name. */
  const parameter = (slot: string, dims?: readonly number[]): string => {
    const name = node.parameters[slot]!;
    const values = sink.values(name);
    return sink.constant(tensorOf(name, 'float32', dims ?? [values.length], values));
  };
  const scalar = (suffix: string, value: number): string =>
    sink.constant(tensorOf(`${node.name}_${suffix}`, 'float32', [], [value]));

  switch (layer.kind) {
    case 'identity':
    case 'dropout':
      return inputs[0]!;
    case 'scale': {
      if (layer.offset === 0) return add('Mul', [inputs[0]!, scalar('factor', layer.factor)]);
      if (layer.factor === 1) return add('Sub', [inputs[0]!, scalar('offset', layer.offset)]);
      const shifted = sink.unusedName(`${output}_shifted`);
      sink.operator({ name: shifted, opType: 'Sub', inputs: [inputs[0]!, scalar('offset', layer.offset)] });
      return add('Mul', [shifted, scalar('factor', layer.factor)]);
    }
    case 'convolution': {
      const channels = shape.at(-1)!;
      const weight = parameter('weight', [layer.filters, channels / layer.groups, ...layer.kernel]);
      const operands = [inputs[0]!, weight, ...(layer.bias ? [parameter('bias')] : [])];
      return add('Conv', operands, {
        dilations: layer.dilation,
        group: layer.groups,
        ...windowAttributes(layer),
      });
    }
    case 'batch-norm': {
      const gamma = layer.fixGamma ? ones(node.parameters.gamma!, shape.at(-1)!) : parameter('gamma');
      const operands = [inputs[0]!, gamma, parameter('beta'), parameter('mean'), parameter('variance')];
      return add('BatchNormalization', operands, { epsilon: { float: layer.epsilon } });
    }
    case 'prelu': {
      const slopes = layer.shared ? 1 : shape.at(-1)!;
      // A slope a channel, repeated over the map.
      const dims = shape.length === 3 ? [slopes, 1, 1] : [slopes];
      return add('PRelu', [inputs[0]!, parameter('slope', dims)]);
    }
    case 'activation': {
      const { opType, attributes, bounds } = ACTIVATIONS[layer.function];
      const constants = bounds ? [scalar('least', bounds[0]), scalar('most', bounds[1])] : [];
      const slope = layer.slope === undefined ? attributes : { alpha: { float: layer.slope } };
      return add(opType, [inputs[0]!, ...constants], slope);
    }
    case 'fully-connected': {
      const size = shape.reduce((product, side) => product * side, 1);
      const weight = parameter('weight', [layer.outputs, size]);
      const operands = [
        flattened(inputs[0]!, shape, output),
        weight,
        ...(layer.bias ? [parameter('bias')] : []),
      ];
      return add('Gemm', operands, { transB: 1 });
    }
    case 'flatten':
      return shape.length === 1 ? inputs[0]! : add('Flatten', inputs, { axis: 1 });
    case 'pooling':
      return pooled(layer);
    case 'concatenate':
      return add('Concat', inputs, { axis: 1 });
    case 'add':
    case 'multiply':
    case 'divide':
      checkBroadcast(node.name, inputShapes);
      return add(ARITHMETIC[layer.kind]);
    case 'sum-channels': {
      const axes = sink.constant(tensorOf(`${node.name}_axes`, 'int64', [1], [1]));
      return add('ReduceSum', [inputs[0]!, axes], { keepdims: 1 });
    }
    case 'square-root':
      return add('Sqrt');
    case 'mean-of-batch':
      return add('ReduceMean', inputs, { keepdims: 0 });
    case 'repeat-channels': {
      const repeats = [1, layer.times, ...outputShape.slice(1).map(() => 1)];
      const tensor = tensorOf(`${node.name}_repeats`, 'int64', [repeats.length], repeats);
      return add('Tile', [inputs[0]!, sink.constant(tensor)]);
    }
  }

  function ones(name: string, count: number): string {
    return sink.constant(tensorOf(name, 'float32', [count], new Float32Array(count).fill(1)));
  }

  function pooled(pooling: PoolingLayer): string {
    const isAverage = pooling.method === 'average';
    if (pooling.global) return add(isAverage ? 'GlobalAveragePool' : 'GlobalMaxPool');
    const attributes = windowAttributes(pooling, poolingOverhang(pooling, shape));
    if (!isAverage) return add('MaxPool', inputs, attributes);
    const counting = { count_include_pad: pooling.countPadding ? 1 : 0, ...attributes };
    // ONNX counts all of the padding or none of it, but not what is within the padded map only.
    const correction =
      pooling.roundUp && pooling.countPadding ? averageCorrection(pooling, shape) : undefined;
    if (correction === undefined) return add('AveragePool', inputs, counting);
    const means = sink.unusedName(`${output}_means`);
    sink.operator({ name: means, opType: 'AveragePool', inputs, attributes: counting });
    const [height, width] = outputShape as [number, number, number];
    const factors = tensorOf(`${node.name}_factors`, 'float32', [1, 1, height, width], correction);
    return add('Mul', [means, sink.constant(factors)]);
  }

  function flattened(input: string, inputShape: Shape, name: string): string {
    if (inputShape.length === 1) return input;
    const flat = sink.unusedName(`${name}_flat`);
    sink.operator({ name: flat, opType: 'Flatten', inputs: [input], attributes: { axis: 1 } });
    return flat;
  }
}

const ARITHMETIC = { add: 'Add', multiply: 'Mul', divide: 'Div' } as const;

interface ActivationOperator {
  readonly opType: string;
  readonly attributes?: OnnxAttributes;
  /** Constants that are inputs behind the value: the least and the most. */
  readonly bounds?: readonly [least: number, most: number];
}

const ACTIVATIONS: Readonly<Record<ActivationLayer['function'], ActivationOperator>> = {
  relu: { opType: 'Relu' },
  relu6: { opType: 'Clip', bounds: [0, 6] },
  sigmoid: { opType: 'Sigmoid' },
  tanh: { opType: 'Tanh' },
  softrelu: { opType: 'Softplus' },
  softsign: { opType: 'Softsign' },
  elu: { opType: 'Elu' },
  selu: { opType: 'Selu' },
  leaky: { opType: 'LeakyRelu', attributes: { alpha: { float: LEAKY_SLOPE } } },
};

function windowAttributes(
  { kernel, stride, padding }: { readonly kernel: Extent; readonly stride: Extent; readonly padding: Extent },
  [below, right]: Extent = [0, 0],
): OnnxAttributes {
  const pads = [...padding, padding[0] + below, padding[1] + right];
  return { kernel_shape: kernel, pads, strides: stride };
}

/** Channels are last here and first there: shapes of different rank would line up differently. */
function checkBroadcast(name: string, shapes: readonly Shape[]): void {
  const ranks = new Set(shapes.map(({ length }) => length).filter((rank) => rank > 0));
  if (ranks.size > 1) {
    throw new BackbonesError(
      'unsupported',
      `layer ${JSON.stringify(name)} joins values of different rank, which is not written as ONNX`,
    );
  }
}

/** Kinds of layers whose value for one image depends on the others of its batch. */
export function dependsOnBatch(layer: Layer): boolean {
  return layer.kind === 'mean-of-batch';
}

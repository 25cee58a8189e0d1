/** All kinds of layers. A new kind is a file with its data and its rules, and a line in both lists here. */
import { BackbonesError } from '../backbones-error.ts';
import { type ActivationLayer, activationRules } from './activation.ts';
import { type BatchNormLayer, batchNormRules } from './batch-norm.ts';
import { type ArithmeticLayer, arithmeticRules, type ConcatenateLayer, concatenateRules } from './combine.ts';
import { type ConvolutionLayer, convolutionRules } from './convolution.ts';
import { type DropoutLayer, dropoutRules } from './dropout.ts';
import { type FlattenLayer, flattenRules } from './flatten.ts';
import { type FullyConnectedLayer, fullyConnectedRules } from './fully-connected.ts';
import { type IdentityLayer, identityRules } from './identity.ts';
import type { LayerRules } from './layer.ts';
import { type PoolingLayer, poolingRules } from './pooling.ts';
import { type PReluLayer, preluRules } from './prelu.ts';
import {
  type MeanOfBatchLayer,
  meanOfBatchRules,
  type RepeatChannelsLayer,
  repeatChannelsRules,
  type SquareRootLayer,
  type SumChannelsLayer,
  squareRootRules,
  sumChannelsRules,
} from './reduce.ts';
import { type ScaleLayer, scaleRules } from './scale.ts';

/** A layer of any kind, as data. */
export type Layer =
  | ActivationLayer
  | ArithmeticLayer
  | BatchNormLayer
  | ConcatenateLayer
  | ConvolutionLayer
  | DropoutLayer
  | FlattenLayer
  | FullyConnectedLayer
  | IdentityLayer
  | MeanOfBatchLayer
  | PoolingLayer
  | PReluLayer
  | RepeatChannelsLayer
  | ScaleLayer
  | SquareRootLayer
  | SumChannelsLayer;

const TABLE: { readonly [K in Layer['kind']]: LayerRules<Extract<Layer, { kind: K }>> } = {
  activation: activationRules,
  add: arithmeticRules,
  'batch-norm': batchNormRules,
  concatenate: concatenateRules,
  convolution: convolutionRules,
  divide: arithmeticRules,
  dropout: dropoutRules,
  flatten: flattenRules,
  'fully-connected': fullyConnectedRules,
  identity: identityRules,
  'mean-of-batch': meanOfBatchRules,
  multiply: arithmeticRules,
  pooling: poolingRules,
  prelu: preluRules,
  'repeat-channels': repeatChannelsRules,
  scale: scaleRules,
  'square-root': squareRootRules,
  'sum-channels': sumChannelsRules,
};

/** The rules of a layer. */
export function rulesOf(layer: Layer): LayerRules<Layer> {
  if (!Object.hasOwn(TABLE, layer.kind)) {
    throw new BackbonesError(
      'invalid-graph',
      `there is no layer of kind ${JSON.stringify(layer.kind)}; known are ${Object.keys(TABLE).join(', ')}`,
    );
  }
  return TABLE[layer.kind] as LayerRules<Layer>;
}

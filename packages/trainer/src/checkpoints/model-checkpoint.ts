/** Between live variables and the tensors of a checkpoint: what is saved of a model, and how it is put back. */
import {
  type Backbone,
  backboneFromGraph,
  exportParameters,
  importParameters,
  type NamedArray,
} from '@arcface/backbones';
import * as tf from '@tensorflow/tfjs-core';
import type { Sgd } from '../optimisation/sgd.ts';
import type { HeadDescription } from '../training/head-description.ts';
import { HEAD_PARAMETER, type TrainedModel } from '../training/train-step.ts';
import { TrainingError } from '../training-error.ts';
import { TwoLaneHash } from '../two-lane-hash.ts';
import type { Checkpoint, HeadConfig } from './checkpoint.ts';
import { asPieces, loadTensors, type StoredTensor, type TensorPieces } from './tensor-pieces.ts';

const HEAD = 'head:';
const MOMENTUM = 'momentum:';
/** Names of the head's tensors in a checkpoint. */
export const HEAD_TENSOR: string = HEAD + HEAD_PARAMETER;
export const HEAD_MOMENTUM: string = MOMENTUM + HEAD_PARAMETER;

/** What rebuilds the network without its weights. */
export function networkConfig({ name, graph }: Backbone): Checkpoint['network'] {
  return { name, graph };
}

/** What rebuilds the head without its weights, and tells it from one with another loss. */
export function headConfig(head: HeadDescription): HeadConfig {
  const {
    classes,
    subcenters,
    embeddingSize,
    margin,
    pastPi = 'fold',
    classMargins,
    interClassFilter,
  } = head;
  return {
    ...{ classes, subcenters, embeddingSize, margin },
    // Left out where they are as usual: files of before had none of them.
    ...(pastPi !== 'fold' && { pastPi }),
    ...(classMargins && { classMargins: hashOf(classMargins) }),
    ...(interClassFilter !== undefined && { interClassFilter }),
  };
}

function hashOf(margins: ArrayLike<number>): string {
  const hash = new TwoLaneHash();
  for (const word of new Uint32Array(Float32Array.from(margins).buffer)) hash.add(word);
  return hash.digits;
}

type TrainedNetwork = Pick<TrainedModel, 'backbone'> & { readonly sgd: Sgd };

/** All tensors of a checkpoint, in the reference's names and shapes. */
export async function captureTensors(model: TrainedModel & { readonly sgd: Sgd }): Promise<TensorPieces[]> {
  const { backbone, head, sgd } = model;
  // WebGPU is read asynchronously or not at all, and keeps what was read for the exports below.
  const parameters = [...backbone.parameters.values()].map(({ variable }) => variable);
  const momenta = [...sgd.momentum]
    .filter(([name]) => name !== HEAD_PARAMETER)
    .map(([, variable]) => variable);
  for (const variable of [...parameters, ...momenta]) await variable.data();
  const network = captureNetwork(model);
  const momentum = sgd.momentum.get(HEAD_PARAMETER);
  // A loss that compares images with each other trains no head.
  if (!momentum) return network.map(asPieces);
  return withHead(network, head, {
    weights: () => valuesOf(head.weights),
    momentum: () => valuesOf(momentum),
  });
}

async function* valuesOf(variable: tf.Variable): AsyncGenerator<Float32Array, void, undefined> {
  yield await variable.data<'float32'>();
}

/** The tensors of the network, then their momenta. */
export function captureNetwork({ backbone, sgd }: TrainedNetwork): NamedArray[] {
  const momenta = exportParameters(momentumView(backbone, sgd));
  return [
    ...exportParameters(backbone),
    ...momenta.map((array) => ({ ...array, name: MOMENTUM + array.name.slice('arg:'.length) })),
  ];
}

/** The tensors of a network with those of a head, in the order of every checkpoint: head before momenta, its own momentum last. */
export function withHead(
  network: readonly NamedArray[],
  { classes, subcenters, embeddingSize }: Pick<HeadConfig, 'classes' | 'subcenters' | 'embeddingSize'>,
  values: Readonly<Record<'weights' | 'momentum', TensorPieces['pieces']>>,
): TensorPieces[] {
  const ofHead = (name: string, of: 'weights' | 'momentum'): TensorPieces => ({
    name,
    dtype: 'float32',
    shape: [classes * subcenters, embeddingSize],
    pieces: values[of],
  });
  const isMomentum = ({ name }: NamedArray): boolean => name.startsWith(MOMENTUM);
  return [
    ...network.filter((array) => !isMomentum(array)).map(asPieces),
    ofHead(HEAD_TENSOR, 'weights'),
    ...network.filter(isMomentum).map(asPieces),
    ofHead(HEAD_MOMENTUM, 'momentum'),
  ];
}

/**
 * Puts the tensors of a checkpoint back into a model and its optimiser.
 *
 * @throws {TrainingError} `parameter-mismatch` when one is missing or of another shape; `checkpoint-damaged`
 */
export async function restoreTensors(
  tensors: readonly StoredTensor[],
  model: TrainedModel & { readonly sgd: Sgd },
): Promise<void> {
  const { head, sgd } = model;
  restoreNetwork(await loadTensors(tensors, isOfNetwork), model);
  const momentum = sgd.momentum.get(HEAD_PARAMETER);
  if (!momentum) return;
  const stored: readonly (readonly [tf.Variable, string])[] = [
    [head.weights, HEAD_TENSOR],
    [momentum, HEAD_MOMENTUM],
  ];
  for (const [variable, name] of stored) {
    const values = (await findTensor(tensors, name, variable.shape).read()) as Float32Array;
    // The variable keeps the data; only the handle is disposed.
    const tensor = tf.tensor(values, variable.shape, 'float32');
    variable.assign(tensor);
    tensor.dispose();
  }
}

/** Whether a tensor is of the network or a momentum of one of its parameters. */
export function isOfNetwork(name: string): boolean {
  return isParameter(name) || (name.startsWith(MOMENTUM) && name !== HEAD_MOMENTUM);
}

/** The part of {@link restoreTensors} that is the network's. Where there is no momentum at all, it stays what it is. */
export function restoreNetwork(tensors: readonly NamedArray[], { backbone, sgd }: TrainedNetwork): void {
  importParameters(backbone, networkTensors({ tensors }));
  const momenta = tensors
    .filter(({ name }) => name.startsWith(MOMENTUM) && name !== HEAD_MOMENTUM)
    .map((array) => ({ ...array, name: `arg:${array.name.slice(MOMENTUM.length)}` }));
  if (momenta.length > 0) importParameters(momentumView(backbone, sgd), momenta);
}

/** The tensors of the network itself (`arg:...`, `aux:...`): what `importParameters` takes. */
export function networkTensors({ tensors }: Pick<Checkpoint, 'tensors'>): NamedArray[] {
  return tensors.filter(({ name }) => isParameter(name));
}

const isParameter = (name: string): boolean => name.startsWith('arg:') || name.startsWith('aux:');

/**
 * The trained network of a checkpoint, built from the graph that is in it. The caller disposes it.
 *
 * @throws `BackbonesError` when graph and parameters do not belong together
 */
export function backboneFromCheckpoint(checkpoint: Pick<Checkpoint, 'network' | 'tensors'>): Backbone {
  return backboneFromGraph(checkpoint.network.graph, { parameters: networkTensors(checkpoint) });
}

/** The trained sub-centres of a checkpoint. */
export interface CheckpointSubcenters {
  /** Row-major [classes * subcenters, dimensions], class-major. */
  readonly weights: Float32Array;
  readonly classes: number;
  readonly subcenters: number;
  readonly dimensions: number;
}

/** @throws {TrainingError} `parameter-mismatch` when the checkpoint holds no sub-centres, or not as many as it says */
export function checkpointSubcenters(checkpoint: Pick<Checkpoint, 'tensors' | 'head'>): CheckpointSubcenters {
  const { classes, subcenters, embeddingSize: dimensions } = checkpoint.head;
  const array = find(checkpoint.tensors, HEAD_TENSOR);
  if (!sameShape(array.shape, [classes * subcenters, dimensions]) || !(array.data instanceof Float32Array)) {
    throw new TrainingError(
      'parameter-mismatch',
      `The checkpoint says ${classes} classes x ${subcenters} sub-centres of ${dimensions} values, but ${array.name} is ${array.dtype} [${array.shape}].`,
    );
  }
  return { weights: array.data, classes, subcenters, dimensions };
}

/**
 * The backbone with the momenta in the place of its weights, so that they are stored with the same names and in the same
 * layout, whatever that is.
 */
function momentumView(backbone: Backbone, sgd: Sgd): Backbone {
  const parameters = new Map(
    [...backbone.parameters].flatMap(([key, parameter]) => {
      const variable = sgd.momentum.get(parameter.name);
      return variable && parameter.role === 'argument' ? [[key, { ...parameter, variable }] as const] : [];
    }),
  );
  return {
    name: backbone.name,
    graph: backbone.graph,
    inputShape: backbone.inputShape,
    embeddingSize: backbone.embeddingSize,
    parameters,
    apply: (images, options) => backbone.apply(images, options),
    dispose: () => {},
  };
}

/**
 * A tensor of float32 numbers by its name.
 *
 * @throws {TrainingError} `parameter-mismatch` when there is none, or one of another shape
 */
export function findTensor(
  tensors: readonly StoredTensor[],
  name: string,
  expected: readonly number[],
): StoredTensor {
  const found = find(tensors, name);
  if (sameShape(found.shape, expected) && found.dtype === 'float32') return found;
  throw new TrainingError(
    'parameter-mismatch',
    `${name} is ${found.dtype} [${found.shape}], expected float32 [${expected}].`,
  );
}

function find<T extends { readonly name: string }>(tensors: readonly T[], name: string): T {
  const found = tensors.find((tensor) => tensor.name === name);
  if (found) return found;
  const others = tensors.filter((tensor) => tensor.name.startsWith(HEAD)).map((tensor) => tensor.name);
  throw new TrainingError(
    'parameter-mismatch',
    `The checkpoint has no tensor ${name}; it has ${others.length > 0 ? others.join(', ') : 'no head at all'}.`,
  );
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

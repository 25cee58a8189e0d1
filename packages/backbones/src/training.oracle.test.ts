import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { backboneFromSource } from './backbone.ts';
import { networkGraph } from './networks/presets.ts';
import { exportParameters } from './parameters/parameter-arrays.ts';
import { setFastBackend } from './testing/backend.ts';
import { deterministicImages, parameterValues, uniformValues } from './testing/deterministic-values.ts';
import { type OracleNetwork, oracleIsAbsent, oracleJson } from './testing/oracle.ts';
import { configurationOf } from './testing/oracle-configurations.ts';

interface TrainedParameter {
  readonly name: string;
  readonly kind: string;
  readonly fix_gamma?: boolean;
  readonly float64_grad_l2: number;
  readonly float64_grad_first8: number[];
}

interface TrainedState {
  readonly name: string;
  readonly after_first8: number[];
  readonly after_l2: number;
}

type Training = Omit<OracleNetwork, 'args' | 'aux'> & {
  readonly batch: number;
  readonly grad_key: string;
  readonly args: TrainedParameter[];
  readonly aux: TrainedState[];
  readonly float64_fc1: number[][];
};

/** Float64 is as far from MXNet's own float32 gradients as from ours: 1.7e-3 at worst. */
const TOLERANCE = 2e-3;
const fast = await setFastBackend();
const NETWORKS = ['train_fresnet_tiny_FC', 'train_fresnet_tiny_v1_GNAP', 'train_fresnet_tiny_E_se_nodrop'];

function norm(values: ArrayLike<number>): number {
  return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value * value, 0));
}

function worst(actual: ArrayLike<number>, expected: readonly number[], scale: number): number {
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!))) / scale;
}

function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Runs one training step of the oracle; values and gradients in the reference's layout, by name. */
function trainOnce(oracle: Training): {
  embeddings: Float32Array;
  after: Map<string, Float32Array>;
  gradients: Map<string, Float32Array>;
} {
  const backbone = backboneFromSource(networkGraph(configurationOf(oracle as never)), (parameter) =>
    parameterValues(parameter, oracle.weight_gain),
  );
  const shape: [number, number] = [oracle.batch, backbone.embeddingSize];
  const images = tf.tensor4d(deterministicImages(oracle.batch), [oracle.batch, 112, 112, 3], 'int32');
  const direction = tf.tensor2d(uniformValues(oracle.grad_key, shape[0] * shape[1], -1, 1), shape);
  let embeddings = new Float32Array();
  const variables = [...backbone.parameters.values()].flatMap(({ variable, role, fixed }) =>
    role === 'argument' && !fixed ? [variable] : [],
  );
  const { value, grads } = tf.variableGrads(() => {
    const output = backbone.apply(images, { training: true });
    embeddings = output.dataSync<'float32'>().slice();
    return tf.sum(tf.mul(output, direction)) as tf.Scalar;
  }, variables);
  const after = new Map(
    exportParameters(backbone).map(({ name, data }) => [name.slice(4), data as Float32Array]),
  );
  // Gradients go through the same door as values: assigned to the parameters, then exported.
  for (const variable of variables) {
    variable.assign(grads[variable.name]!);
  }
  const gradients = new Map(
    exportParameters(backbone).map(({ name, data }) => [name.slice(4), data as Float32Array]),
  );
  tf.dispose([images, direction, value, grads]);
  backbone.dispose();
  return { embeddings, after, gradients };
}

describe.skipIf(oracleIsAbsent)('a training step (needs ../shared)', () => {
  it.each([...NETWORKS, ...(fast ? ['train_y1'] : [])])(
    '%s: embeddings, running averages and gradients',
    (name) => {
      const oracle = oracleJson<Training>(`backbones/${name}.json`);
      const before = tf.memory().numTensors;
      const { embeddings, after, gradients } = trainOnce(oracle);
      expect(tf.memory().numTensors).toBe(before);

      const expected = oracle.float64_fc1.flat();
      expect(worst(embeddings, expected, largest(expected))).toBeLessThan(4e-5);
      for (const { name: state, after_first8: first, after_l2: length } of oracle.aux) {
        const values = after.get(state)!;
        expect(worst(values, first, largest(first)), state).toBeLessThan(1e-5);
        expect(Math.abs(norm(values) / length - 1), state).toBeLessThan(1e-5);
      }
      const trained = oracle.args.filter(({ fix_gamma: fixed }) => !fixed);
      // A bias ahead of a batch norm has no gradient but rounding; nothing is held to less than this.
      const floor =
        1e-3 * Math.max(...trained.map(({ name: parameter }) => largest(gradients.get(parameter)!)));
      for (const { name: parameter, float64_grad_first8: first, float64_grad_l2: length } of trained) {
        const values = gradients.get(parameter)!;
        const scale = Math.max(largest(values), floor);
        expect(worst(values, first, scale), parameter).toBeLessThan(TOLERANCE);
        const lengthScale = Math.max(length, floor * Math.sqrt(values.length));
        expect(Math.abs(norm(values) - length) / lengthScale, parameter).toBeLessThan(TOLERANCE);
      }
    },
  );
});

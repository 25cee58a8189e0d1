import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { numbers, onEachBackend } from '../testing/gradient-check.ts';
import { batchNormTraining } from './batch-norm-training.ts';
import { groupedConv2d } from './grouped-convolution.ts';
import { marginSoftmax } from './margin-softmax.ts';

/* Gradients of gradients, as a penalty on gradients has them, against central differences of the penalty along some directions. */

interface Case {
  readonly operation: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly shapes: readonly number[][];
  /** The gradient of so many of the inputs is penalised, the first ones. Default: of all. */
  readonly penalised?: number;
}

const normalised: Case['operation'] = (x, scale, offset, slope) => {
  const { y, mean, variance } = batchNormTraining(
    {
      ...{ x: x!, scale: scale as tf.Tensor1D, offset: offset as tf.Tensor1D },
      ...(slope && { slope: slope as tf.Tensor1D }),
    },
    { epsilon: 0.1 },
  );
  tf.dispose([mean, variance]);
  return y;
};

const cases: readonly (readonly [string, Case])[] = [
  ['batchNormTraining', { operation: normalised, shapes: [[2, 1, 2, 16], [16], [16]] }],
  ['batchNormTraining with slopes', { operation: normalised, shapes: [[5, 2], [2], [2], [2]] }],
  [
    'marginSoftmax',
    {
      operation: (cosines, scale) =>
        marginSoftmax(
          { cosines: cosines as tf.Tensor2D, labels: [2, 0, 1], scale: scale as tf.Scalar },
          { margin: { m1: 1, m2: 0.3, m3: 0.1 } },
        ),
      shapes: [[3, 4], []],
    },
  ],
  [
    'groupedConv2d',
    {
      operation: (x, filter) =>
        groupedConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, { groups: 2, pad: 'same' }),
      shapes: [
        [1, 2, 2, 8],
        [3, 3, 4, 8],
      ],
      // tfjs has no gradient of a filter's gradient.
      penalised: 1,
    },
  ],
];

/** The sum of the squares of an operation's gradients. */
function penalty({ operation, penalised }: Case, inputs: tf.Tensor[]): tf.Tensor {
  const [some, others] = [inputs.slice(0, penalised), inputs.slice(penalised ?? inputs.length)];
  const loss = (...given: tf.Tensor[]) => tf.sum(tf.square(operation(...given, ...others)));
  return tf.addN(
    tf
      .grads(loss)(some)
      .map((gradient) => tf.sum(tf.square(gradient))),
  );
}

const step = 2 ** -7;

onEachBackend(() => {
  it.each(cases)('%s', (_, given) => {
    const before = tf.memory().numTensors;
    const start = given.shapes.map((shape, i) => numbers(tf.util.sizeFromShape(shape), 20 + i, 0.9));
    const tensors = (values: readonly number[][]) =>
      values.map((list, i) => tf.tensor(list, given.shapes[i]!));
    const gradients = tf.tidy(() =>
      tf
        .grads((...inputs) => penalty(given, inputs))(tensors(start))
        .map((tensor) => tensor.dataSync()),
    );
    for (const seed of [1, 2, 3]) {
      const direction = start.map((list, i) => numbers(list.length, 100 * seed + i));
      const moved = (by: number) =>
        start.map((list, i) => list.map((value, j) => value + by * direction[i]![j]!));
      const at = (by: number) => tf.tidy(() => penalty(given, tensors(moved(by))).dataSync()[0]!);
      const expected = (at(step) - at(-step)) / (2 * step);
      const found = direction.flatMap((list, i) => list.map((x, j) => x * gradients[i]![j]!));
      const sum = found.reduce((a, b) => a + b, 0);
      const size = found.reduce((a, b) => a + Math.abs(b), 0);
      expect(Math.abs(sum - expected) / size, `direction ${seed}: ${sum}, not ${expected}`).toBeLessThan(
        2e-3,
      );
    }
    expect(tf.memory().numTensors).toBe(before);
  });
});

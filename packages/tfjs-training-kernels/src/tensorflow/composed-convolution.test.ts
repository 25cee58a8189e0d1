import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  expectClose,
  numbers,
  onBoth,
  onTensorFlow,
  ramp,
  valueAndGradients,
} from '../testing/tensorflow-agreement.ts';

/* Convolutions that TensorFlow does not have on a CPU: images channels first, dilated windows channel by channel. */

type Padding = Parameters<typeof tf.conv2d>[3];

/** Of images channels first. */
const sides: Padding = [
  [0, 0],
  [0, 0],
  [1, 0],
  [2, 1],
];

onTensorFlow(() => {
  describe('images channels first', () => {
    it.each([['valid'], ['same'], [1], [sides]] as Padding[][])(
      'convolves them, padded by %j',
      async (pad) => {
        const compute = () =>
          valueAndGradients(
            (x, filter) => tf.conv2d(x!, filter!, 2, pad!, 'NCHW'),
            () => [ramp([2, 3, 7, 6], 5), ramp([3, 3, 3, 4], 7)],
          );
        expectClose(await onBoth(compute));
      },
    );

    it.each(['linear', 'relu', 'leakyrelu', 'prelu'] as const)('adds a bias and %s', async (activation) => {
      const compute = () =>
        tf.tidy(() => {
          const given = {
            x: ramp([2, 3, 5, 4], 5),
            filter: ramp([3, 3, 3, 2], 7),
            bias: tf.tensor1d([0.5, -1]),
          };
          const slopes = activation === 'prelu' ? { preluActivationWeights: tf.tensor1d([0.3, -0.2]) } : {};
          const options = {
            strides: 1,
            pad: 1,
            dataFormat: 'NCHW',
            activation,
            leakyreluAlpha: 0.3,
          } as const;
          return numbers([tf.fused.conv2d({ ...given, ...slopes, ...options })]);
        });
      expectClose(await onBoth(compute));
    });

    it('refuses them channel by channel, and says what to do', async () => {
      await tf.setBackend('tensorflow');
      const [x, filter] = [ramp([1, 4, 4, 4], 5), ramp([3, 3, 4, 1], 7)];
      expect(() => tf.depthwiseConv2d(x, filter, 1, 'same', 'NCHW')).toThrowError(
        expect.objectContaining({
          code: 'unsupported-layout',
          message: expect.stringContaining('tf.transpose(x, [0, 2, 3, 1])'),
        }),
      );
      tf.dispose([x, filter]);
    });
  });

  describe('dilated windows channel by channel', () => {
    const cases: readonly [string, [number, number], Padding][] = [
      ['valid', [2, 2], 'valid'],
      ['same', [2, 3], 'same'],
      ['a number', [3, 3], 1],
      ['a number, where columns are counted as rows are', [1, 3], 2],
      [
        'a number a side',
        [2, 1],
        [
          [0, 0],
          [1, 0],
          [2, 1],
          [0, 0],
        ],
      ],
    ];

    it.each(cases)('padded by %s', async (_, dilations, pad) => {
      const compute = () =>
        tf.tidy(() => {
          const filter = ramp([3, 2, 3, 2], 7);
          return numbers([
            tf.depthwiseConv2d(ramp([2, 9, 8, 3], 5), filter, 1, pad, 'NHWC', dilations),
            tf.fused.depthwiseConv2d({
              ...{ x: ramp([1, 8, 9, 3], 3), filter, strides: 1, pad: pad as number, dilations },
              ...{ bias: tf.linspace(-1, 1, 6), activation: 'relu' },
            }),
          ]);
        });
      expectClose(await onBoth(compute));
    });

    it('keeps an infinite pixel from what does not see it', async () => {
      const compute = () =>
        tf.tidy(() => {
          const pixels = new Float32Array(49).fill(1);
          pixels[24] = Number.POSITIVE_INFINITY;
          const x = tf.tensor4d(pixels, [1, 7, 7, 1]);
          return numbers([tf.depthwiseConv2d(x, tf.ones([2, 2, 1, 1]), 1, 'same', 'NHWC', 2)]);
        });
      const { found, expected } = await onBoth(compute);
      expect(found).toEqual(expected);
      expect(found[0]!.filter((value) => value === Number.POSITIVE_INFINITY).length).toBe(4);
    });
  });
});

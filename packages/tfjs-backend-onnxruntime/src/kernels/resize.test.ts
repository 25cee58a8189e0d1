// Images sampled at other points: resized, cropped, and the gradients of resizing.

import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { agreesWithCpu, type Case, float, int, kernel } from '../testing/cpu-agreement.ts';
import { resizeKernels } from './resize.ts';

const image = (channels: number) => float([2, 6, 7, channels]) as tf.Tensor4D;
const sizes = [
  [12, 5],
  [6, 7],
  [3, 21],
  [1, 1],
] as const;
const modes = [
  { alignCorners: false, halfPixelCenters: false },
  { alignCorners: true, halfPixelCenters: false },
  { alignCorners: false, halfPixelCenters: true },
];

const resized = modes.flatMap((mode) =>
  sizes.flatMap((size): Case[] => {
    const attributes = { ...mode, size };
    const label = `to ${size.join('x')}${mode.alignCorners ? ', aligned' : mode.halfPixelCenters ? ', half pixels' : ''}`;
    const forward = (name: string): Case => [
      `${name} ${label}`,
      name,
      () => kernel(name, { images: image(3) }, attributes),
    ];
    const backward = (name: string): Case => [
      `${name} ${label}`,
      name,
      () => kernel(name, { images: float([1, 6, 6, 3]), dy: float([1, ...size, 3]) }, attributes),
    ];
    const cases = [forward('ResizeBilinear'), forward('ResizeNearestNeighbor')];
    // tfjs's CPU backend is right for one square image without half pixels only; the test of the others is below.
    if (mode.halfPixelCenters) return cases;
    return [...cases, backward('ResizeBilinearGrad'), backward('ResizeNearestNeighborGrad')];
  }),
);

const boxes = () =>
  tf.tensor2d([
    [0, 0, 1, 1],
    [0.1, 0.2, 0.65, 0.9],
    [0.8, 0.1, 0.2, 0.6],
    [-0.4, 0.3, 1.3, 1.2],
  ]);
const boxIndices = () => tf.tensor1d([0, 1, 1, 0], 'int32');

const cropped = (['bilinear', 'nearest'] as const).flatMap((method) =>
  [
    [4, 5],
    [1, 3],
  ].map(
    (size): Case => [
      `crops of ${size.join('x')}, ${method}`,
      'CropAndResize',
      () => tf.image.cropAndResize(image(3), boxes(), boxIndices(), size as [number, number], method, 0.5),
    ],
  ),
);

/** The sum of the products of the elements. */
const dot = (a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.mul(a, b)).dataSync()[0]!;

// Resizing is linear, so its gradient is the transposed map: <resize(x), dy> = <x, gradient(dy)>.
it.each(modes.flatMap((mode) => sizes.map((size) => ({ ...mode, size }))))(
  'has the gradients of resizing with %o',
  async (attributes) => {
    await tf.setBackend('onnxruntime');
    for (const name of ['ResizeBilinear', 'ResizeNearestNeighbor']) {
      tf.tidy(() => {
        const images = image(3);
        const dy = float([2, ...attributes.size, 3], 2, 5);
        const y = kernel(name, { images }, attributes) as tf.Tensor;
        const dx = kernel(`${name}Grad`, { images, dy }, attributes) as tf.Tensor;
        const scale = 1 + Math.sqrt(dot(y, y) * dot(dy, dy));
        expect(Math.abs(dot(y, dy) - dot(images, dx)) / scale).toBeLessThan(1e-6);
      });
    }
  },
);

agreesWithCpu(
  [
    ...resized,
    ...cropped,
    [
      'ResizeNearestNeighbor of integers',
      'ResizeNearestNeighbor',
      () => tf.image.resizeNearestNeighbor(int([2, 3, 4, 2]) as tf.Tensor4D, [5, 5]),
    ],
    [
      'CropAndResize of one row and column',
      'CropAndResize',
      () =>
        tf.image.cropAndResize(float([1, 1, 1, 2]) as tf.Tensor4D, boxes(), tf.zeros([4], 'int32'), [2, 2]),
    ],
  ],
  resizeKernels,
);

// The gradients of `Sum` and `Mean`. tfjs-core's own rules repeat the upstream gradient by multiplying it with ones that
// JavaScript writes and copies in every step, as many as the activations have elements. Asked for by a kernel, the
// ones are known to the graph, and nothing is multiplied. The numbers are the same, on every backend.

import {
  backend_util,
  div,
  type GradConfig,
  mul,
  ones,
  onesLike,
  registerGradient,
  reshape,
  type Tensor,
  util,
} from '@tensorflow/tfjs-core';

function sumGradient(kernelName: 'Sum' | 'Mean'): GradConfig {
  return {
    kernelName,
    inputsToSave: ['x'],
    gradFunc(dy, [x], attributes) {
      const { shape } = x!;
      const axes = util.parseAxisParam(attributes.axis as number | number[], shape);
      const [, summed] = backend_util.computeOutAndReduceShapes(shape, axes);
      const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
      const upstream = reshape(dy as Tensor, kept);
      const count = util.sizeFromShape(summed);
      const each = kernelName === 'Mean' ? div(upstream, count) : upstream;
      return { x: () => mul(each, x!.dtype === 'float32' ? onesLike(x!) : ones(shape, 'float32')) };
    },
  };
}

/** Puts these rules in the place of tfjs-core's, which must be registered already. */
export function registerSumGradients(): void {
  registerGradient(sumGradient('Sum'));
  registerGradient(sumGradient('Mean'));
}

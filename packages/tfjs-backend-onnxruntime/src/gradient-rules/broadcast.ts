// The gradients of `Maximum`, `Minimum` and `SquaredDifference` where one operand is smaller and repeats. tfjs-core's own rules give
// it a gradient as large as the result, which tfjs itself then refuses. Here it is summed over what was repeated, as tfjs does
// it in the rules of arithmetic. The same on every backend.

import {
  broadcast_util,
  type GradConfig,
  getGradient,
  registerGradient,
  reshape,
  sum,
  type Tensor,
} from '@tensorflow/tfjs-core';

function summed(gradient: Tensor, { shape }: Tensor): Tensor {
  const axes = broadcast_util.getReductionAxes(shape, gradient.shape);
  return axes.length === 0 ? gradient : reshape(sum(gradient, axes), shape);
}

/** Puts these rules in the place of tfjs-core's, which must be registered already and save both operands. */
export function registerBroadcastGradients(): void {
  for (const kernelName of ['Maximum', 'Minimum', 'SquaredDifference']) {
    const usual = getGradient(kernelName);
    const rule: GradConfig = {
      ...usual,
      gradFunc(dy, saved, attributes) {
        const [a, b] = saved as [Tensor, Tensor];
        const whole = usual.gradFunc(dy, saved, attributes);
        return { a: () => summed(whole.a!(), a), b: () => summed(whole.b!(), b) };
      },
    };
    registerGradient(rule);
  }
}

// The gradient of `Prod`. tfjs-core's own rule calls methods of tensors that its bundle for Node does not have, and so fails there.
// This one is the same on every backend: each factor's share is the product of all the others, those before it and those behind
// it, which is right where factors are zero, too.

import {
  cumprod,
  type GradConfig,
  mul,
  registerGradient,
  reshape,
  type Tensor,
  transpose,
  util,
} from '@tensorflow/tfjs-core';

const rule: GradConfig = {
  kernelName: 'Prod',
  inputsToSave: ['x'],
  gradFunc(dy, [saved], attributes) {
    const x = saved!;
    const axes = util.parseAxisParam(attributes.axis as number | number[], x.shape);
    const kept = [...x.shape.keys()].filter((axis) => !axes.includes(axis));
    const order = [...kept, ...axes];
    const sizeOf = (some: readonly number[]) => util.sizeFromShape(some.map((axis) => x.shape[axis]!));
    const [products, factors] = [sizeOf(kept), sizeOf(axes)];
    return {
      x: () => {
        const moved = transpose(x, order);
        const rows = reshape(moved, [products, factors]);
        const others = mul(cumprod(rows, 1, true, false), cumprod(rows, 1, true, true));
        const gradient = mul(reshape(dy as Tensor, [products, 1]), others);
        const back = [...order.keys()].map((axis) => order.indexOf(axis));
        return transpose(reshape(gradient, moved.shape), back);
      },
    };
  },
};

/** Puts this rule in the place of tfjs-core's, which must be registered already. */
export function registerProdGradient(): void {
  registerGradient(rule);
}

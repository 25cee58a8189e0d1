// tfjs's rule for the gradient of `Prelu` is made of comparisons, selections and sums. Here it is replaced by one that calls the
// kernel `PreluGrad` where the current backend has it, and is the one it replaces where not, or where a gradient of the gradient is
// taken: the kernel has none.

import {
  engine,
  getBackend,
  getGradient,
  getKernel,
  registerGradient,
  type Tensor,
  unregisterGradient,
} from '@tensorflow/tfjs-core';

export function registerPreluGradient(): void {
  const usual = getGradient('Prelu');
  unregisterGradient('Prelu');
  registerGradient({
    ...usual,
    gradFunc(dy, saved, attributes) {
      const isDifferentiated = engine().state.gradientDepth > 0;
      if (isDifferentiated || getKernel('PreluGrad', getBackend()) === undefined) {
        return usual.gradFunc(dy, saved, attributes);
      }
      const [x, alpha] = saved as [Tensor, Tensor];
      const inputs = { dy: dy as Tensor, x, alpha };
      // Called at once: each of the two below is called in a tidy of its own, which would take the other's result with it.
      const [dx, dalpha] = engine().runKernel('PreluGrad', inputs) as Tensor[];
      return { x: () => dx!, alpha: () => dalpha! };
    },
  });
}

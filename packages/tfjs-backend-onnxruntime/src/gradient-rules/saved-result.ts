// The gradients of kernels whose derivative follows from their result (`exp`, `sigmoid`, ...). tfjs-core puts what it saves of a result on
// its tape before the kernel itself, so to a gradient of the gradient it depends on nothing, and a term is missing, without a word. Where
// the gradient is differentiated itself, the result is computed again here, from the input. The same on every backend.

import { engine, getGradient, registerGradient, type Tensor } from '@tensorflow/tfjs-core';

/** By the name of their input. */
const kernels = { Exp: 'x', Sigmoid: 'x', Tanh: 'x', Softmax: 'logits' } as const;

/** Puts these rules in the place of tfjs-core's, which must be registered already and save the result alone. */
export function registerSavedResultGradients(): void {
  for (const [kernelName, input] of Object.entries(kernels)) {
    const usual = getGradient(kernelName);
    registerGradient({
      ...usual,
      inputsToSave: [input],
      gradFunc(dy, saved, attributes) {
        const [x, y] = saved as [Tensor, Tensor];
        const isDifferentiated = engine().state.gradientDepth > 0;
        const result = isDifferentiated
          ? (engine().runKernel(kernelName, { [input]: x }, attributes) as Tensor)
          : y;
        return usual.gradFunc(dy, [result], attributes);
      },
    });
  }
}

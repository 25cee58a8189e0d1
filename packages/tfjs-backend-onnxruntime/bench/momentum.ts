// SGD with momentum as the benchmark's networks are trained with it: all parameters in one kernel, `MomentumUpdate`.

import * as tf from '@tensorflow/tfjs-core';

export function momentumOptimiser({ rate, momentum }: { rate: number; momentum: number }) {
  const momenta = new Map<string, tf.Variable>();

  function momentumOf(variable: tf.Variable): tf.Variable {
    const before = momenta.get(variable.name);
    if (before) return before;
    const zeros = tf.variable(tf.zerosLike(variable), false);
    momenta.set(variable.name, zeros);
    return zeros;
  }

  return {
    /** One step downhill for every trainable variable; returns the loss before it, not read yet. */
    minimize(loss: () => tf.Scalar): tf.Scalar {
      const { value, grads } = tf.variableGrads(loss);
      tf.tidy(() => {
        const variables = Object.keys(grads).map((name) => tf.engine().registeredVariables[name]!);
        const operands = variables.flatMap((variable) => [
          variable,
          momentumOf(variable),
          grads[variable.name]!,
        ]);
        const scalars = [rate, momentum, 0].map((number) => tf.scalar(number));
        const inputs = [...scalars, ...operands] as unknown as tf.NamedTensorMap;
        const attributes = { decays: variables.map(() => 0), nesterov: false };
        const updated = tf.engine().runKernel('MomentumUpdate', inputs, attributes) as tf.Tensor[];
        variables.forEach((variable, i) => {
          variable.assign(updated[2 * i]!);
          momentumOf(variable).assign(updated[2 * i + 1]!);
        });
      });
      tf.dispose(grads);
      return value;
    },
  };
}

/** The question that every operation here asks: has the current backend a kernel of its own for this? */
import * as tf from '@tensorflow/tfjs-core';

export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

/** Runs a kernel with several results. */
export function runKernel(
  name: string,
  inputs: tf.NamedTensorMap,
  attributes: Readonly<Record<string, unknown>>,
): tf.Tensor[] {
  return tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap) as tf.Tensor[];
}

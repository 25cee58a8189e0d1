/**
 * Memory of a backward pass. TensorFlow.js disposes of what a backward pass makes (the gradient of every activation, whatever
 * the rules need on the way) when the pass has ended, and of the activations that were saved for it likewise. So on a
 * backend that computes at once, a training step holds all activations and all their gradients together at its end. None of
 * them is needed that long: a tensor comes out of one node of the tape, so when that node's rule has run, its gradient
 * has been used for the last time, and so has what the node saved.
 *
 * Nothing of TensorFlow.js is replaced but the method that `tf.grads`, `tf.variableGrads` and optimisers call: when the forward
 * function has returned, the tape's nodes are there to be wrapped.
 */
import * as tf from '@tensorflow/tfjs-core';

/** A node of the tape, as tfjs-core 4 makes them. */
interface TapeNode {
  inputs: tf.NamedTensorMap;
  readonly outputs: readonly tf.Tensor[];
  readonly saved?: readonly tf.Tensor[];
  gradient?: (dys: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
}

type Gradients = ReturnType<typeof tf.engine>['gradients'];

const releasing = new WeakSet<object>();
const held = new WeakSet<tf.Tensor>();

/**
 * For a rule that lets somebody see its `dy` later in the same backward pass: after {@link releaseGradientsEarly} it stays until
 * the pass ends, as it would without.
 */
export function holdGradient(dy: tf.Tensor): void {
  held.add(dy);
}

/**
 * From now on, backward passes in this process dispose of each activation's gradient and of what was saved for it as soon as
 * they were used. Values do not change. Calling it again changes nothing; higher-order gradients are left as they are.
 */
export function releaseGradientsEarly(): void {
  const engine = tf.engine();
  if (releasing.has(engine)) return;
  releasing.add(engine);
  const gradients = engine.gradients.bind(engine) as Gradients;
  engine.gradients = ((f, xs, dy, allowNoGradients) => {
    // Inside another gradient's forward function the tape belongs to both.
    if (engine.state.gradientDepth > 0) return gradients(f, xs, dy, allowNoGradients);
    const wanted = new Set(xs.map(({ id }) => id));
    const wrapped = (): ReturnType<typeof f> => {
      const y = f();
      for (const node of engine.state.activeTape as unknown as TapeNode[]) {
        // The gradient of the result may be the caller's own tensor.
        const isLast = node.outputs.some(({ id }) => id === (y as unknown as tf.Tensor).id);
        releaseAfter(node, isLast || node.outputs.some(({ id }) => wanted.has(id)));
      }
      return y;
    };
    return gradients(wrapped, xs, dy, allowNoGradients);
  }) as Gradients;
}

function releaseAfter(node: TapeNode, keepsUpstream: boolean): void {
  const { gradient, saved = [] } = node;
  if (gradient === undefined) return;
  // Called as a method of a copy of the node, whose inputs are only those that somebody wants a gradient for.
  node.gradient = function (this: TapeNode, dys) {
    const results = tf.tidy(() => {
      const rules = gradient(dys);
      const found: tf.NamedTensorMap = {};
      for (const name of Object.keys(this.inputs)) {
        const rule = rules[name];
        // What is missing is the caller's to complain about.
        if (rule !== undefined)
          found[name] = ownTensor(tf.tidy(rule), [...dys, ...saved, ...Object.values(found)]);
      }
      return found;
    });
    for (const tensor of saved) tensor.dispose();
    if (!keepsUpstream) for (const dy of dys) if (dy !== null && !isKept(dy) && !held.has(dy)) dy.dispose();
    return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, () => tensor]));
  };
}

/** A rule may hand on a tensor as it got it; what is released by itself has to be one of its own. */
function ownTensor(tensor: tf.Tensor, others: readonly (tf.Tensor | null)[]): tf.Tensor {
  return others.includes(tensor) || isKept(tensor) ? tf.clone(tensor) : tensor;
}

/** `tf.keep` says that somebody else disposes of it. */
function isKept(tensor: tf.Tensor): boolean {
  return (tensor as tf.Tensor & { readonly kept?: boolean }).kept === true;
}

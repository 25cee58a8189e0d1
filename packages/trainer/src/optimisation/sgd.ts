/**
 * Stochastic gradient descent with momentum, in the form that MXNet (and so the reference) gives it:
 *
 *     momentum = m * momentum - lr * (rescale * gradient + wd * weight)
 *     weight  += momentum
 *
 * The learning rate is inside the momentum. With a constant rate this is the same as PyTorch's form; when the rate
 * drops, the old form keeps moving at the old speed for a while.
 *
 * Weight decay reaches **every** parameter by default, biases and BatchNorm's included: that is what the reference does
 * in effect (its optimiser is built without names, so the usual exemption never applies).
 *
 * Everything here is tensor arithmetic without a single read, so that a lazy backend can run forward, backward and
 * update as one graph. The learning rate enters as a tensor: a new rate is a new input, never a new graph.
 */
import * as tf from '@tensorflow/tfjs-core';
import { TrainingError } from '../training-error.ts';

/** Options of {@link Sgd}; all are plain data and stored in the checkpoint. */
export interface SgdOptions {
  /** m above. Default .9. */
  readonly momentum?: number;
  /** wd above. Default 5e-4. */
  readonly weightDecay?: number;
  /** What decays: `all` parameters (the reference; default), or only `weights`: no bias, beta, gamma or slope. */
  readonly decay?: 'all' | 'weights';
  /** Looks ahead along the momentum: weight += m * momentum - lr * gradient. Default false. */
  readonly nesterov?: boolean;
  /** Scales the gradient of all parameters together down to at most this L2 norm. Default: no clipping. */
  readonly clipNorm?: number | undefined;
  /** Clips every element of the rescaled gradient to this magnitude (MXNet's `clip_gradient`). Default: no clipping. */
  readonly clipValue?: number | undefined;
}

/** A parameter as the optimiser sees it. */
export interface OptimizedParameter {
  /** Unique among the parameters; names the momentum in checkpoints. */
  readonly name: string;
  readonly kind: 'weight' | 'bias' | 'gamma' | 'beta' | 'slope' | (string & {});
  readonly variable: tf.Variable;
}

/**
 * All of it as one kernel, where the backend has it (tfjs-backend-onnxruntime): what is composed below, to the bit, without a
 * handful of calls a parameter. Inputs, a list: rate, m and wd, then weight, momentum and gradient of every
 * parameter; attributes `decays` (0 or 1 each) and `nesterov`; outputs weight and momentum of every parameter.
 */
const UPDATE_KERNEL = 'MomentumUpdate';

interface UpdateRule {
  /** Parameter by parameter, whether weight decay reaches it. */
  readonly decays: readonly boolean[];
  readonly nesterov: boolean;
}

const DEFAULTS = { momentum: 0.9, weightDecay: 5e-4, decay: 'all', nesterov: false } as const;

export class Sgd {
  readonly parameters: readonly OptimizedParameter[];
  readonly options: SgdOptions;
  readonly #momentum = new Map<string, tf.Variable>();

  /** @throws {TrainingError} `invalid-option` for options out of range, `parameter-mismatch` for a name used twice */
  constructor(parameters: Iterable<OptimizedParameter>, options: SgdOptions = {}) {
    checkSgdOptions(options);
    this.options = options;
    this.parameters = [...parameters];
    for (const { name, variable } of this.parameters) {
      if (this.#momentum.has(name)) {
        throw new TrainingError(
          'parameter-mismatch',
          `Two parameters are named ${name}; names must be unique.`,
        );
      }
      // Concrete zeros and not zerosLike: the first step then has the same graph as all the others.
      const zeros = tf.tensor(new Float32Array(variable.size), variable.shape, 'float32');
      this.#momentum.set(name, tf.variable(zeros, false));
      zeros.dispose();
    }
  }

  /** The momentum of every parameter, by parameter name, in the layout of its variable. */
  get momentum(): ReadonlyMap<string, tf.Variable> {
    return this.#momentum;
  }

  /** The variables that need gradients, in order: the list to give to `tf.variableGrads`. */
  get variables(): tf.Variable[] {
    return this.parameters.map((parameter) => parameter.variable);
  }

  /**
   * Updates all parameters in place. Reads no value; leaves no tensor behind.
   *
   * @param gradients by the *variable's* name, as `tf.variableGrads` returns them; not disposed
   * @param options.learningRate the rate of this step
   * @param options.rescale what gradients are multiplied with (1/batch for gradients of a sum). Default 1.
   * @param options.squares sum of the squares of all numbers that `clipNorm` is about, for gradients that are only in part here: see
   *   {@link squares}. Default: of those that are here.
   * @throws {TrainingError} `parameter-mismatch` when a parameter has no gradient; nothing is updated then
   */
  step(
    gradients: tf.NamedTensorMap,
    options: {
      readonly learningRate: number;
      readonly rescale?: number;
      readonly squares?: number | undefined;
    },
  ): void {
    const { momentum: m, weightDecay, decay, nesterov } = { ...DEFAULTS, ...this.options };
    for (const { name, variable } of this.parameters) {
      if (gradients[variable.name] === undefined) {
        throw new TrainingError(
          'parameter-mismatch',
          `The loss gives no gradient for ${name}: it is trainable, but the loss does not depend on it.`,
        );
      }
    }
    tf.tidy(() => {
      const scaled = this.#clipped(gradients, options);
      const scalars = [options.learningRate, m, weightDecay].map((number) => tf.scalar(number, 'float32'));
      const decays = this.parameters.map(
        ({ kind }) => weightDecay !== 0 && (decay === 'all' || kind === 'weight'),
      );
      const isFused = m !== 0 && tf.getKernel(UPDATE_KERNEL, tf.getBackend()) !== undefined;
      const update = isFused ? this.#updatedAtOnce : this.#updatedOneByOne;
      const updated = update.call(this, scaled, scalars, { decays, nesterov });
      // `assign` takes over the tensor's data; tidy may dispose the handle.
      this.parameters.forEach(({ name, variable }, i) => {
        variable.assign(updated[2 * i]!);
        this.#momentum.get(name)!.assign(updated[2 * i + 1]!);
      });
    });
  }

  /** The new weight and momentum of every parameter, in turn. `scalars`: learning rate, m and wd. */
  #updatedAtOnce(
    gradients: readonly tf.Tensor[],
    scalars: readonly tf.Scalar[],
    rule: UpdateRule,
  ): tf.Tensor[] {
    const operands = this.parameters.flatMap(({ name, variable }, i) => [
      variable,
      this.#momentum.get(name)!,
      gradients[i]!,
    ]);
    const { decays, nesterov } = rule;
    return tf.engine().runKernel(
      UPDATE_KERNEL,
      // A list, as tfjs-core itself gives one to `AddN`.
      [...scalars, ...operands] as unknown as tf.NamedTensorMap,
      { decays: decays.map(Number), nesterov },
    ) as tf.Tensor[];
  }

  /** The same, of ordinary operations. */
  #updatedOneByOne(
    gradients: readonly tf.Tensor[],
    scalars: readonly tf.Scalar[],
    rule: UpdateRule,
  ): tf.Tensor[] {
    const [rate, keep, shrink] = scalars as [tf.Scalar, tf.Scalar, tf.Scalar];
    const m = this.options.momentum ?? DEFAULTS.momentum;
    return this.parameters.flatMap(({ name, variable }, i) => {
      const given = gradients[i]!;
      const gradient = rule.decays[i] ? tf.add(given, tf.mul(variable, shrink)) : given;
      const move = tf.mul(rate, gradient);
      const momentum = this.#momentum.get(name)!;
      const next = m === 0 ? tf.neg(move) : tf.sub(tf.mul(momentum, keep), move);
      const change = rule.nesterov ? tf.sub(tf.mul(next, keep), move) : next;
      return [tf.add(variable, change), next];
    });
  }

  /** Squares of gradients as `clipNorm` sees them (rescaled and clipped by value), summed for each parameter. Reads them. */
  squares(gradients: tf.NamedTensorMap, options: { readonly rescale?: number } = {}): number[] {
    return tf.tidy(() =>
      this.#scaled(gradients, options.rescale ?? 1).map((g) => tf.sum(tf.square(g)).dataSync()[0]!),
    );
  }

  #scaled(gradients: tf.NamedTensorMap, rescale: number): tf.Tensor[] {
    const { clipValue } = this.options;
    let scaled: tf.Tensor[] = this.parameters.map(({ variable }) => gradients[variable.name]!);
    if (rescale !== 1) {
      const factor = tf.scalar(rescale, 'float32');
      scaled = scaled.map((g) => tf.mul(g, factor));
    }
    if (clipValue !== undefined) scaled = scaled.map((g) => tf.clipByValue(g, -clipValue, clipValue));
    return scaled;
  }

  #clipped(
    gradients: tf.NamedTensorMap,
    { rescale = 1, squares }: { readonly rescale?: number; readonly squares?: number | undefined },
  ): tf.Tensor[] {
    const { clipNorm } = this.options;
    const scaled = this.#scaled(gradients, rescale);
    if (clipNorm === undefined) return scaled;
    const sum =
      squares === undefined
        ? tf.addN(scaled.map((g) => tf.sum(tf.square(g))))
        : tf.scalar(squares, 'float32');
    const limit = tf.scalar(clipNorm, 'float32');
    const factor = tf.div(limit, tf.maximum(tf.sqrt(sum), limit));
    return scaled.map((g) => tf.mul(g, factor));
  }

  /** Disposes the momenta; the parameters belong to their owner. */
  dispose(): void {
    for (const variable of this.#momentum.values()) variable.dispose();
    this.#momentum.clear();
  }
}

/** @throws {TrainingError} `invalid-option` naming the option, what it must be and what it is */
export function checkSgdOptions(options: SgdOptions): void {
  const check = (name: keyof SgdOptions, valid: boolean, expected: string): void => {
    if (!valid) {
      throw new TrainingError(
        'invalid-option',
        `optimizer.${name} must be ${expected}, got ${options[name]}.`,
      );
    }
  };
  const { momentum = 0.9, weightDecay = 5e-4, clipNorm = 1, clipValue = 1, nesterov = false } = options;
  check('momentum', momentum >= 0 && momentum < 1, 'at least 0 and below 1');
  check('weightDecay', weightDecay >= 0 && Number.isFinite(weightDecay), 'a number of at least 0');
  // Of a norm without end, the share that it is of itself is no number.
  check('clipNorm', clipNorm > 0 && Number.isFinite(clipNorm), 'a positive number');
  check('clipValue', clipValue > 0, 'positive');
  check('nesterov', !nesterov || momentum > 0, 'false when momentum is 0');
  check('decay', [undefined, 'all', 'weights'].includes(options.decay), "'all' or 'weights'");
}

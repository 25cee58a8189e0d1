// Inference in a loop, traced once. A network of two hundred kernels takes milliseconds to trace, which is nothing beside a training step
// and a seventh of MobileFaceNet's inference in batches of eight.

import * as tf from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from './backend.ts';
import { OnnxRuntimeBackendError } from './errors.ts';
import type { HostValues } from './runtime/native-binding.ts';
import { sizeOf, type TraceValue } from './trace/trace-graph.ts';

/** What `capture` gives. */
export class CapturedInference {
  /** Of the result. */
  readonly shape: readonly number[];
  readonly #backend: OnnxRuntimeBackend;
  readonly #input: TraceValue;
  /** What the input's numbers are written into, run after run. */
  readonly #values: HostValues;
  #output: TraceValue | null;

  /** Use `capture`. */
  constructor(backend: OnnxRuntimeBackend, input: TraceValue, output: TraceValue) {
    this.#backend = backend;
    this.#input = input;
    this.#values = input.tensor!.data;
    this.#output = output;
    this.shape = output.shape;
  }

  /**
   * Computes the result for other numbers, row-major in the captured shape.
   *
   * @returns row-major in `shape`: the caller's own
   * @throws {OnnxRuntimeBackendError} `invalid-option` for another number of numbers; `unknown-tensor` after `dispose`; what computing throws
   */
  run(values: ArrayLike<number>): HostValues {
    if (this.#output === null) {
      throw new OnnxRuntimeBackendError('unknown-tensor', 'The captured inference was disposed of.');
    }
    const { shape } = this.#input;
    if (values.length !== sizeOf(shape)) {
      throw new OnnxRuntimeBackendError(
        'invalid-option',
        `The inference was captured for ${sizeOf(shape)} numbers in the shape [${shape}], found ${values.length}. Capture it again for another shape.`,
      );
    }
    this.#values.set(values);
    return this.#backend.computeAgain(this.#output);
  }

  /** Lets go of what it reads. */
  dispose(): void {
    this.#output = null;
    this.#input.tensor = null;
  }
}

/**
 * Traces `f` for a float32 input of this shape, and gives what runs the trace for other numbers without calling `f` again.
 *
 * Whatever else `f` reads, the values of variables too, is taken as it is now, and held until `dispose`. `f` may not look at numbers, as no
 * other input could then take another way.
 *
 * @throws {OnnxRuntimeBackendError} `not-capturable` where `f` reads numbers, or gives something that does not follow from its input
 */
export function captureOn(
  backend: OnnxRuntimeBackend,
  shape: readonly number[],
  f: (input: tf.Tensor) => tf.Tensor,
): CapturedInference {
  let traced: ReturnType<OnnxRuntimeBackend['traceAlone']> = null;
  tf.tidy(() => {
    const input = tf.zeros([...shape]);
    traced = backend.traceAlone(input, () => f(input));
  });
  if (traced === null) {
    throw new OnnxRuntimeBackendError(
      'not-capturable',
      'What is captured has to give one tensor that follows from its input by operations of this backend.',
    );
  }
  const { input, output } = traced as { input: TraceValue; output: TraceValue };
  return new CapturedInference(backend, input, output);
}

/** Runs a model on sample images in one of the ways in which it may want them, a few at a time. */
import type { OnnxModel } from 'onnx-format';
import type { OnnxImageInput } from './image-input.ts';
import type { InputCandidate } from './input-candidates.ts';
import type { OnnxInputConvention } from './input-convention.ts';
import { inputPixels } from './input-pixels.ts';

/** Values of an output, as float32. */
export interface OnnxResult {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** A model that an application has loaded into a runtime. */
export interface OnnxSession {
  /**
   * Runs the model.
   *
   * @param values of the one input, row-major; half floats as their bits
   * @returns the outputs by name
   */
  run(
    values: Float32Array | Uint16Array | Uint8Array,
    dims: readonly number[],
  ): Promise<ReadonlyMap<string, OnnxResult>>;
  release(): Promise<void>;
}

/** Loads a model into a runtime. */
export type OpenOnnxSession = (model: OnnxModel) => Promise<OnnxSession>;

/** RGB images of the model's size. */
export interface SampleImages {
  /** RGB bytes `[count, height, width, 3]`. */
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** How a model is run, whatever the candidate. */
export interface RunOptions {
  readonly input: OnnxImageInput;
  readonly layout: OnnxInputConvention['layout'];
  readonly samples: SampleImages;
  /** Images at a time. */
  readonly step: number;
}

/** Images that are run at once, by a model that takes any number. */
const SOME = 8;

/**
 * As many as the model is made for; else some, or one where it turns out to be made for one: exporters declare any number for
 * models in which a reshape has the number of the example.
 */
export async function imagesAtOnce(
  session: OnnxSession,
  options: Omit<RunOptions, 'step'>,
  candidate: InputCandidate,
): Promise<number> {
  const { input, samples } = options;
  if (input.batch !== undefined) return input.batch;
  const bytes = 3 * samples.height * samples.width;
  const few = samples.pixels.subarray(0, SOME * bytes);
  const step = few.length / bytes;
  try {
    for await (const results of runs(session, { ...options, step }, candidate, few)) {
      if (results.get(input.output)?.dims[0] === step) return step;
    }
  } catch {
    // What one image at a time does not cure is said then.
  }
  return 1;
}

/** @param pixels of the samples, or as many others of their size */
export async function* runs(
  session: OnnxSession,
  { input, layout, samples: { height, width }, step }: RunOptions,
  candidate: InputCandidate,
  pixels: Uint8Array,
): AsyncGenerator<ReadonlyMap<string, OnnxResult>> {
  const bytes = 3 * height * width;
  const convention = { ...candidate, layout };
  for (let start = 0; start < pixels.length; start += step * bytes) {
    const part = pixels.subarray(start, start + step * bytes);
    const batch = part.length / bytes;
    const dims = layout === 'NCHW' ? [batch, 3, height, width] : [batch, height, width, 3];
    yield session.run(inputPixels(part, height * width, convention, input.elementType), dims);
  }
}

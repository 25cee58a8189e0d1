/**
 * A model in an ONNX runtime as an embedder. How it is fed was found out before (`resolveOnnxInput`); here it is fed, in batches of the
 * size that it takes.
 */
import { inputPixels, type OnnxSession, type ResolvedOnnxInput } from '@arcface/backbones';
import { TrainingError } from '../training-error.ts';
import type { Embedder } from './embedder.ts';

/**
 * @throws {TrainingError} `invalid-embedder` when the output is not a row of numbers an image; errors of the session are passed on
 */
export async function onnxEmbedder(session: OnnxSession, input: ResolvedOnnxInput): Promise<Embedder> {
  const shape = await outputShape(session, input);
  return {
    inputShape: [input.height, input.width, 3],
    embeddingSize: shape.size,
    async embed(pixels, batch) {
      const bytes = pixels.length / batch;
      const embeddings = new Float32Array(batch * shape.size);
      const step = shape.batch ?? batch;
      for (let start = 0; start < batch; start += step) {
        const part = pixels.subarray(start * bytes, Math.min(batch, start + step) * bytes);
        const rows = await run(session, input, part, step);
        embeddings.set(rows.data.subarray(0, (part.length / bytes) * shape.size), start * shape.size);
      }
      return embeddings;
    },
  };
}

/** Runs images, and black ones behind them up to the number that is wanted. */
async function run(session: OnnxSession, input: ResolvedOnnxInput, pixels: Uint8Array, batch: number) {
  const { height, width, convention, elementType, output } = input;
  const area = height * width;
  let images = pixels;
  if (pixels.length < batch * area * 3) {
    images = new Uint8Array(batch * area * 3);
    images.set(pixels);
  }
  const dims = convention.layout === 'NCHW' ? [batch, 3, height, width] : [batch, height, width, 3];
  const results = await session.run(inputPixels(images, area, convention, elementType), dims);
  return results.get(output)!;
}

/**
 * The length of an embedding and how many images the model really takes at a time, by trying: exporters declare any number
 * for models in which a reshape has the number of the example.
 */
async function outputShape(
  session: OnnxSession,
  input: ResolvedOnnxInput,
): Promise<{ readonly size: number; readonly batch: number | undefined }> {
  const attempt = async (batch: number) => {
    const { data, dims } = await run(session, input, new Uint8Array(), batch);
    return { size: data.length / batch, isRows: dims[0] === batch && dims.length > 1, dims };
  };
  const { batch } = input;
  const single = await attempt(batch ?? 1);
  if (!single.isRows || single.size < 2) {
    throw new TrainingError(
      'invalid-embedder',
      `its output is [${single.dims}], expected a row of numbers an image.`,
    );
  }
  if (batch !== undefined) return { size: single.size, batch };
  const double = await attempt(2).catch(() => undefined);
  return { size: single.size, batch: double?.isRows && double.size === single.size ? undefined : 1 };
}

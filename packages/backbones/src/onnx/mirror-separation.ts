/**
 * A face and its mirror image are the same person, other images are others. The better a model is fed, the further apart
 * are the similarities of the one and the other kind: what is left to go by when batch norms are folded into convolutions.
 */
import { type OnnxSession, type RunOptions, runs, type SampleImages } from './candidate-runs.ts';
import type { InputCandidate } from './input-candidates.ts';

/**
 * The mean cosine of images with their own mirror images, above the mean cosine with other images, in standard deviations of
 * the latter.
 */
export async function mirrorSeparation(
  session: OnnxSession,
  options: RunOptions,
  candidate: InputCandidate,
): Promise<number> {
  const { samples } = options;
  const rows = await unitRows(session, options, candidate, samples.pixels);
  const mirrored = await unitRows(session, options, candidate, mirrorImages(samples));
  const own = rows.map((row, i) => dot(row, mirrored[i]!));
  const others = rows.flatMap((row, i) => rows.slice(0, i).map((other) => dot(row, other)));
  const [ownMean] = meanAndDeviation(own);
  const [otherMean, otherDeviation] = meanAndDeviation(others);
  return (ownMean - otherMean) / otherDeviation;
}

async function unitRows(
  session: OnnxSession,
  options: RunOptions,
  candidate: InputCandidate,
  pixels: Uint8Array,
): Promise<Float32Array[]> {
  const rows: Float32Array[] = [];
  for await (const results of runs(session, options, candidate, pixels)) {
    const { data, dims } = results.get(options.input.output)!;
    const size = data.length / dims[0]!;
    for (let start = 0; start < data.length; start += size) {
      const row = data.slice(start, start + size);
      const norm = Math.hypot(...row) || 1;
      rows.push(row.map((value) => value / norm));
    }
  }
  return rows;
}

function mirrorImages({ pixels, width }: SampleImages): Uint8Array {
  const mirrored = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i += 3) {
    const pixel = i / 3;
    const x = pixel % width;
    mirrored.set(pixels.subarray(i, i + 3), 3 * (pixel - x + width - 1 - x));
  }
  return mirrored;
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function meanAndDeviation(values: readonly number[]): [number, number] {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return [mean, Math.sqrt(variance)];
}

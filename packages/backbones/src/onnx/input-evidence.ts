/**
 * Evidence for what an ONNX model that says nothing of its input was made for, from running it on a few images in each of
 * the ways in question. Two kinds, of which the first is much the stronger:
 *
 * - Batch norms that are still in the graph remember the mean and variance of what went into them in training. Fed rightly,
 *   the model sees about the same again; a wrong scale or order of colours shows at once.
 * - Without batch norms (folded into the convolutions): a face and its mirror image are the same person, other images are
 *   others. The better a model is fed, the further apart are the similarities of the one and the other kind.
 */
import { type OnnxModel, type OnnxNode, tensorValues } from 'onnx-format';
import { type TypedArray, toFloat32 } from '../named-array.ts';
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

/** How well a candidate fits: lower is better. */
export interface ScoredCandidate {
  readonly candidate: InputCandidate;
  readonly score: number;
}

/** What the evidence says. */
export interface InputEvidence {
  readonly kind: 'batch-norm' | 'mirror';
  /** The best first. */
  readonly ranking: readonly ScoredCandidate[];
}

/** Batch norms that are looked at: the first ones see the input most directly. */
const BATCH_NORMS = 4;
/** Images that are run at once. */
const BATCH = 8;

/** What all measurements work with. */
export interface EvidenceOptions {
  readonly model: OnnxModel;
  readonly input: OnnxImageInput;
  readonly layout: OnnxInputConvention['layout'];
  readonly candidates: readonly InputCandidate[];
  readonly samples: SampleImages;
  readonly open: OpenOnnxSession;
}

/** Runs the model on the samples with every candidate. */
export async function gatherInputEvidence(options: EvidenceOptions): Promise<InputEvidence> {
  const norms = earlyBatchNorms(options);
  const kind = norms.length > 0 ? 'batch-norm' : 'mirror';
  const { graph } = options.model;
  // Batch norms' inputs as further outputs. Their type, which may be another than the statistics', is left to the runtime.
  const outputs = norms.map(({ value }) => ({ name: value }));
  const probe = { ...options.model, graph: { ...graph, outputs: [...graph.outputs, ...outputs] } };
  const session = await options.open(kind === 'mirror' ? options.model : probe);
  try {
    const ranking: ScoredCandidate[] = [];
    for (const candidate of options.candidates) {
      const score =
        kind === 'mirror'
          ? -(await mirrorSeparation(session, options, candidate))
          : await divergence(session, options, candidate, norms);
      ranking.push({ candidate, score: Number.isNaN(score) ? Number.POSITIVE_INFINITY : score });
    }
    return { kind, ranking: ranking.sort((a, b) => a.score - b.score) };
  } finally {
    await session.release();
  }
}

interface StoredStatistics {
  /** The name of what goes into the batch norm. */
  readonly value: string;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/** The first batch norms behind the input, with what they remember. */
function earlyBatchNorms({ model: { graph } }: EvidenceOptions): StoredStatistics[] {
  const tensors = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const values = (name: string | undefined): Float32Array | undefined => {
    const tensor = tensors.get(name ?? '');
    if (tensor?.elementType !== 'float32' && tensor?.elementType !== 'float16') return undefined;
    return toFloat32({ dtype: tensor.elementType, data: tensorValues(tensor) as TypedArray });
  };
  const found = graph.nodes.flatMap(({ opType, inputs }: OnnxNode): StoredStatistics[] => {
    const mean = values(inputs[3]);
    const variance = values(inputs[4]);
    const value = inputs[0];
    if (opType !== 'BatchNormalization' || !mean || !variance || value === undefined) return [];
    return [{ value, mean, variance }];
  });
  // What is an output already, or the input itself, cannot be made an output.
  const taken = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  return found.filter(({ value }) => !taken.has(value)).slice(0, BATCH_NORMS);
}

/**
 * How far what goes into the batch norms is from what they remember: the Kullback-Leibler divergence of normal
 * distributions, averaged over channels and batch norms. No channel counts for more than `MOST`.
 */
async function divergence(
  session: OnnxSession,
  options: EvidenceOptions,
  candidate: InputCandidate,
  norms: readonly StoredStatistics[],
): Promise<number> {
  const moments = norms.map(({ mean }) => new ChannelMoments(mean.length));
  for await (const results of runs(session, options, candidate, options.samples.pixels)) {
    for (const [i, { value }] of norms.entries()) moments[i]!.add(results.get(value)!);
  }
  const each = norms.map(({ mean, variance }, i) => moments[i]!.divergenceFrom(mean, variance));
  return each.reduce((sum, x) => sum + x, 0) / each.length;
}

const MOST = 10;

/** Mean and variance of each channel of `[batch, channels, ...]`. */
class ChannelMoments {
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  #count = 0;

  constructor(channels: number) {
    this.#sum = new Float64Array(channels);
    this.#squares = new Float64Array(channels);
  }

  add({ data, dims }: OnnxResult): void {
    const [batch = 0, channels = 0] = dims;
    const area = batch * channels === 0 ? 0 : data.length / (batch * channels);
    for (let plane = 0; plane < batch * channels; plane++) {
      const channel = plane % channels;
      for (let i = plane * area; i < (plane + 1) * area; i++) {
        this.#sum[channel]! += data[i]!;
        this.#squares[channel]! += data[i]! ** 2;
      }
    }
    this.#count += batch * area;
  }

  divergenceFrom(mean: Float32Array, variance: Float32Array): number {
    let total = 0;
    for (let c = 0; c < mean.length; c++) {
      const measured = this.#sum[c]! / this.#count;
      const spread = Math.max(0, this.#squares[c]! / this.#count - measured ** 2);
      // Channels that never change have no variance to divide by.
      const tiny = 1e-5 * Math.max(1, mean[c]! ** 2);
      const ratio = (spread + tiny) / (variance[c]! + tiny);
      const shift = (measured - mean[c]!) ** 2 / (variance[c]! + tiny);
      total += Math.min(MOST, (ratio + shift - 1 - Math.log(ratio)) / 2);
    }
    return total / mean.length;
  }
}

/**
 * The mean cosine of images with their own mirror images, above the mean cosine with other images, in standard deviations of
 * the latter.
 */
async function mirrorSeparation(
  session: OnnxSession,
  options: EvidenceOptions,
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
  options: EvidenceOptions,
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

/** Runs the images a few at a time; one by one in a model that is made for that. */
async function* runs(
  session: OnnxSession,
  { input, layout, samples: { height, width } }: EvidenceOptions,
  candidate: InputCandidate,
  pixels: Uint8Array,
): AsyncGenerator<ReadonlyMap<string, OnnxResult>> {
  const bytes = 3 * height * width;
  const step = input.batch ?? BATCH;
  const convention = { ...candidate, layout };
  for (let start = 0; start < pixels.length; start += step * bytes) {
    const part = pixels.subarray(start, start + step * bytes);
    const batch = part.length / bytes;
    const dims = layout === 'NCHW' ? [batch, 3, height, width] : [batch, height, width, 3];
    yield session.run(inputPixels(part, height * width, convention, input.elementType), dims);
  }
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

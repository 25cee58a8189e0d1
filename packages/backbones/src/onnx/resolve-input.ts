/**
 * Decides how a third-party ONNX model is fed: by what the user says, by the model's metadata, by what its graph does to
 * pixels, and where that leaves a choice, by evidence. What was decided comes with the reason, to be shown; where the
 * evidence does not decide, the most common is taken, and what speaks against it comes with it: a wrong guess would else
 * only be seen in bad embeddings.
 */
import type { OnnxModel } from 'onnx-format';
import { BackbonesError } from '../backbones-error.ts';
import type { OpenOnnxSession } from './candidate-runs.ts';
import { type GraphNormalisation, graphNormalisation } from './graph-normalisation.ts';
import { findImageInput, type OnnxImageInput } from './image-input.ts';
import { type InputCandidate, inputCandidates } from './input-candidates.ts';
import { INPUT_KEY, type OnnxInputConvention, parseOnnxInput } from './input-convention.ts';
import { gatherInputEvidence, type InputEvidence } from './input-evidence.ts';

/** Options of {@link resolveOnnxInput}. */
export interface ResolveInputOptions {
  readonly model: OnnxModel;
  /** What the user knows; it comes before everything else. */
  readonly said?: Partial<OnnxInputConvention> | undefined;
  /** The size of an image, for a model that takes any. */
  readonly size?: { readonly height: number; readonly width: number } | undefined;
  /** The output to use, of a model with several. */
  readonly output?: string | undefined;
  /**
   * Gives so many images of faces, RGB bytes `[count, height, width, 3]`, aligned as the model wants them. Asked for only when
   * there is a choice to make.
   */
  samples(count: number, size: { readonly height: number; readonly width: number }): Promise<Uint8Array>;
  readonly open: OpenOnnxSession;
}

/** How a model is fed. */
export interface ResolvedOnnxInput extends Omit<OnnxImageInput, 'layout'> {
  readonly height: number;
  readonly width: number;
  readonly convention: OnnxInputConvention;
  /** How it is known, in words. */
  readonly reason: string;
  /** Whether part of it is a guess: by evidence that could have been clearer. */
  readonly doubt: string | undefined;
}

/** Images that the evidence is taken from. */
const SAMPLES = 24;
/** How many times worse the second best must fit the batch norms for the best to be believed without saying so. */
const CLEAR_RATIO = 1.5;
/** No batch norm's input comes this far from what it remembers when a model is fed rightly. */
const POOR_FIT = 2;
/** How much further apart, in standard deviations, the best must keep mirror images and others than the second best. */
const CLEAR_SEPARATION = 0.5;
/** Below this, mirror images are no nearer than others, and say nothing. */
const LEAST_SEPARATION = 1.5;

/**
 * @throws BackbonesError `unsupported` when the model does not take images or says too little, naming what must be said;
 *   `invalid-option` when what is said contradicts the model
 */
export async function resolveOnnxInput(options: ResolveInputOptions): Promise<ResolvedOnnxInput> {
  const { model, said = {} } = options;
  const input = findImageInput(model, options);
  const metadata = model.metadata?.get(INPUT_KEY);
  const isAllSaid = said.channels !== undefined && said.mean !== undefined && said.std !== undefined;
  // Who says everything need not mind what is in the file.
  const known = { ...(metadata === undefined || isAllSaid ? {} : parseOnnxInput(metadata)), ...said };
  const layout = known.layout ?? input.layout;
  if (layout === undefined) {
    throw new BackbonesError(
      'unsupported',
      'the shape of the ONNX model’s input does not say whether colours come first or last; say layout=NCHW or layout=NHWC',
    );
  }
  if (input.layout !== undefined && layout !== input.layout) {
    throw new BackbonesError('invalid-option', `the ONNX model takes ${input.layout}, not ${layout}`);
  }
  const size = sizeOf(input, options.size);
  refuseNormalisedBytes(input, known);
  const done = (
    { channels, mean, std }: Pick<OnnxInputConvention, 'channels' | 'mean' | 'std'>,
    reason: string,
    doubt?: string,
  ): ResolvedOnnxInput => ({
    ...input,
    ...size,
    convention: { layout, channels, mean, std },
    reason,
    doubt,
  });
  if (known.channels !== undefined && known.mean !== undefined && known.std !== undefined) {
    const reason = Object.keys(said).length > 0 ? 'as it was said' : "as the model's metadata say";
    return done({ channels: known.channels, mean: known.mean, std: known.std }, reason);
  }

  const { candidates, why } = candidatesFor(model, input, known);
  const evidence = await gatherInputEvidence({
    model,
    input,
    layout,
    candidates,
    samples: { pixels: await options.samples(sampleCount(input), size), ...size },
    open: options.open,
  });
  const equals = equallyGood(evidence);
  // Chance would decide among these, and another time otherwise: the most common is taken.
  const chosen = candidates.find((candidate) => equals.includes(candidate)) ?? candidates[0]!;
  const reason = [...why, explain(evidence)].join('; ');
  return done(chosen, reason, doubtOf(evidence, chosen, equals));
}

/** Bytes hold nothing but 0..255: what was subtracted or divided would wrap around unseen. */
function refuseNormalisedBytes({ elementType }: OnnxImageInput, known: Partial<OnnxInputConvention>): void {
  const { mean = [0, 0, 0], std = [1, 1, 1] } = known;
  if (elementType !== 'uint8' || (mean.every((x) => x === 0) && std.every((x) => x === 1))) return;
  throw new BackbonesError(
    'invalid-option',
    `the ONNX model takes bytes, from which nothing can be subtracted or divided: mean must be 0 and std 1, found ${mean.join('/')} and ${std.join('/')}`,
  );
}

/** At least `SAMPLES`, in whole batches where the model is made for a fixed number. */
function sampleCount({ batch = 1 }: OnnxImageInput): number {
  return Math.ceil(SAMPLES / batch) * batch;
}

function sizeOf(
  { height, width }: OnnxImageInput,
  wanted: ResolveInputOptions['size'],
): { height: number; width: number } {
  const size = { height: height ?? wanted?.height, width: width ?? wanted?.width };
  if (size.height === undefined || size.width === undefined) {
    throw new BackbonesError(
      'unsupported',
      'the ONNX model takes images of any size; say which it is made for',
    );
  }
  if (wanted !== undefined && (wanted.height !== size.height || wanted.width !== size.width)) {
    throw new BackbonesError(
      'invalid-option',
      `the ONNX model takes images of ${size.height}x${size.width} (height x width), not ${wanted.height}x${wanted.width}`,
    );
  }
  return { height: size.height, width: size.width };
}

/** What is still possible, and why the rest is not. */
function candidatesFor(
  model: OnnxModel,
  input: OnnxImageInput,
  known: Partial<OnnxInputConvention>,
): { readonly candidates: readonly InputCandidate[]; readonly why: readonly string[] } {
  const { channels, mean, std } = known;
  const { candidates, why } = normalisationsOf(model, input, known);
  const isSaid = <T>(said: T | undefined, found: T): boolean =>
    said === undefined || String(said) === String(found);
  const possible = candidates.filter(
    (candidate) =>
      isSaid(channels, candidate.channels) && isSaid(mean, candidate.mean) && isSaid(std, candidate.std),
  );
  if (possible.length > 0) return { candidates: possible, why };
  throw new BackbonesError(
    'invalid-option',
    `no usual normalisation of the input of an ONNX model has ${mean ? `mean=${mean.join('/')}` : `std=${std?.join('/')}`} (${why.join('; ') || 'with any other number'}); say both mean and std`,
  );
}

/** What may happen to pixels outside of the model, in either order of colours. */
function normalisationsOf(
  model: OnnxModel,
  input: OnnxImageInput,
  { mean, std }: Partial<OnnxInputConvention>,
): { readonly candidates: readonly InputCandidate[]; readonly why: readonly string[] } {
  if (mean !== undefined && std !== undefined) {
    const candidates = (['RGB', 'BGR'] as const).map((channels) => ({ name: channels, channels, mean, std }));
    return { candidates, why: ['normalised as it was said'] };
  }
  if (input.elementType === 'uint8') return { candidates: withRange(1), why: ['bytes go in as they are'] };
  const inGraph = graphNormalisation(input.name, model.graph);
  if (inGraph === undefined) return { candidates: inputCandidates, why: [] };
  const largest = largestPixel(inGraph);
  return {
    candidates: withRange(255 / largest),
    why: [`the graph normalises 0..${largest} itself (${inGraph.nodes.join(', ')})`],
  };
}

/**
 * Whether 0..255 or 0..1 goes into a graph that normalises. The pixel that becomes 0 lies within the range, where it is more
 * than 1; and what comes out is meant to be about 1, or else only a mean is subtracted, of which the first tells.
 */
function largestPixel({ factor, offset }: GraphNormalisation): 255 | 1 {
  const zeros = offset.map((b, i) => Math.abs(b / factor[i % factor.length]!));
  return Math.max(...zeros) > 1 || Math.max(...factor.map(Math.abs)) <= 0.5 ? 255 : 1;
}

/** The candidates that only divide, and by this. */
function withRange(std: number): InputCandidate[] {
  return inputCandidates.filter(
    (candidate) => candidate.mean.every((x) => x === 0) && candidate.std.every((x) => x === std),
  );
}

function explain({ kind, ranking }: InputEvidence): string {
  const scores = ranking
    .slice(0, 3)
    .map(({ candidate, score }) => `${candidate.name} ${Math.abs(score).toPrecision(3)}`)
    .join(', ');
  return kind === 'batch-norm'
    ? `what goes into the first batch norms is nearest to what they remember (divergence: ${scores})`
    : `mirror images and other images come out furthest apart (standard deviations: ${scores})`;
}

/** Candidates that the evidence cannot tell from the best. */
function equallyGood({ kind, ranking }: InputEvidence): readonly InputCandidate[] {
  const best = ranking[0]!.score;
  return ranking
    .filter(({ score }) =>
      kind === 'batch-norm' ? score <= CLEAR_RATIO * best : score - best < CLEAR_SEPARATION,
    )
    .map(({ candidate }) => candidate);
}

/** What speaks against the choice, if anything does. */
function doubtOf(
  { kind, ranking }: InputEvidence,
  chosen: InputCandidate,
  equals: readonly InputCandidate[],
): string | undefined {
  const best = ranking[0]!.score;
  if (kind === 'batch-norm' && !(best <= POOR_FIT)) {
    return 'no way of feeding it fits what its batch norms remember';
  }
  if (kind === 'mirror' && !(-best >= LEAST_SEPARATION)) {
    return 'in no way of feeding it are mirror images nearer than others';
  }
  const others = equals.filter((candidate) => candidate !== chosen).map(({ name }) => name);
  return others.length === 0 ? undefined : `the evidence does not tell it from ${others.join(' or ')}`;
}

/** Any ONNX model of faces as a frozen embedder: finds out how it is fed, says so, and feeds it. */
import { createHash } from 'node:crypto';
import {
  BackbonesError,
  formatOnnxInput,
  type OnnxSession,
  parseOnnxInput,
  resolveOnnxInput,
} from '@arcface/backbones';
import { decodeImage, type Embedder, type ImageSource, onnxEmbedder, TrainingError } from '@arcface/trainer';
import { OnnxFormatError, type OnnxModel } from 'onnx-format';
import type { CommandContext } from '../cli/define-command.ts';
import type { ImageSides } from '../cli/option-values.ts';
import { CommandError } from '../cli/usage-error.ts';
import { sharpDecoder } from '../decode.ts';
import { readOnnxFile } from './onnx-file.ts';
import { openOnnxSession } from './onnx-runtime.ts';

/** What a user may say about a model that does not say it itself. */
export interface OnnxModelOptions {
  /** `layout=NCHW,channels=RGB,mean=127.5,std=127.5`, or a part of it. */
  readonly onnxInput?: string | undefined;
  /** Which output is the embedding. */
  readonly onnxOutput?: string | undefined;
  /** Size of an image, for a model that takes any. */
  readonly inputSize?: ImageSides | undefined;
  readonly threads?: number | undefined;
  /** Images to find out from how the model is fed. */
  readonly samples?: ImageSource | undefined;
}

export interface OnnxEmbedder extends Embedder {
  /** The convention that was decided on, in words, and which weights those in other files are. */
  readonly feeding: string;
}

/** Fewer images than this say nothing. */
const LEAST_SAMPLES = 4;

/**
 * Opens a model and makes it embed.
 *
 * @throws {CommandError} when the file is not a model that embeds faces, or it is not clear how it is fed
 */
export async function openOnnxEmbedder(
  path: string,
  options: OnnxModelOptions,
  { console, signal }: CommandContext,
): Promise<OnnxEmbedder> {
  // With other weights beside it the same file is another network.
  const outside = createHash('sha256');
  let hasOutside = false;
  const model = readOnnxFile(path, {
    onOutside(bytes) {
      outside.update(bytes);
      hasOutside = true;
    },
  });
  const { onnxInput, inputSize, samples } = options;
  const open = (loaded: OnnxModel): Promise<OnnxSession> => openOnnxSession(loaded, path, options);
  const input = await resolveOnnxInput({
    model,
    said: onnxInput === undefined ? undefined : parseOnnxInput(onnxInput),
    size: sizeOf(inputSize),
    output: options.onnxOutput,
    samples: (count, size) => sampleImages(samples, count, size, signal),
    open,
  }).catch((error: unknown) => {
    const isOfTheModel = error instanceof BackbonesError || error instanceof OnnxFormatError;
    throw isOfTheModel ? new CommandError(`${path}: ${error.message}. ${HOW_TO_SAY}.`) : error;
  });
  const convention = formatOnnxInput(input.convention);
  console.log(`${path}: images of ${input.height}x${input.width}, ${convention}: ${input.reason}`);
  if (input.doubt !== undefined) {
    console.warn(
      `${path}: this may be wrong: ${input.doubt}. If you know better, say it: --onnx-input ${convention}`,
    );
  }
  if (mixesImages(model)) {
    console.warn(
      `${path}: images of a batch are computed with each other's values: an embedding depends on what it is embedded with. --batch-size 1 embeds each by itself.`,
    );
  }
  const session = await open(model);
  const embedder = await onnxEmbedder(session, input).catch(async (error: unknown) => {
    await session.release();
    throw error instanceof TrainingError ? new CommandError(`${path}: ${error.message}`) : error;
  });
  const weights = hasOutside ? [`weights ${outside.digest('hex').slice(0, 16)}`] : [];
  return { ...embedder, feeding: [convention, ...weights].join(', ') };
}

/** Whether an embedding depends on its batch: quantised by the range of all its images together, or weighed by their norms. */
function mixesImages({ graph, metadata }: OnnxModel): boolean {
  const isQuantisedTogether = graph.nodes.some(({ opType }) => opType === 'DynamicQuantizeLinear');
  return isQuantisedTogether || metadata?.has('arcface.batch-dependent') === true;
}

const HOW_TO_SAY =
  'What the file does not say can be said: --onnx-input layout=NCHW,channels=RGB,mean=127.5,std=127.5, --input-size 112 (or height x width: 112x96), --onnx-output NAME';

function sizeOf(sides: ImageSides | undefined): { height: number; width: number } | undefined {
  if (sides === undefined) return undefined;
  const [height, width] = typeof sides === 'number' ? [sides, sides] : sides;
  return { height, width };
}

/** Images evenly spread over a dataset, as often as it takes to have so many. */
async function sampleImages(
  dataset: ImageSource | undefined,
  count: number,
  size: { readonly height: number; readonly width: number },
  signal: AbortSignal,
): Promise<Uint8Array> {
  const wanted = Math.min(count, dataset?.length ?? 0);
  const found: Uint8Array[] = [];
  for (let i = 0; i < wanted; i++) {
    const position = Math.floor((i * dataset!.length) / wanted);
    const { pixels } = await decodeImage({ dataset: dataset!, decoder: sharpDecoder, size }, position, {
      signal,
    });
    if (pixels !== undefined) found.push(pixels);
  }
  if (found.length < LEAST_SAMPLES) {
    throw new CommandError(
      `How the ONNX model is fed is not said in it, and ${found.length} images are too few to find out. ${HOW_TO_SAY}.`,
    );
  }
  const bytes = 3 * size.height * size.width;
  const pixels = new Uint8Array(count * bytes);
  for (let i = 0; i < count; i++) pixels.set(found[i % found.length]!, i * bytes);
  return pixels;
}

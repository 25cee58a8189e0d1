/** `MODEL` as the user names it: a run folder, a checkpoint of ours or of MXNet, or anybody's ONNX file. */
import { stat } from 'node:fs/promises';
import { backboneFromGraph, inferenceBackbone, toFloat32 } from '@arcface/backbones';
import { assembleSubcenters, type ClassOrder, type SubcenterWeights } from '@arcface/cleaner';
import type { DatasetFingerprint, Embedder, EmbeddingBackbone } from '@arcface/trainer';
import type { Command } from 'commander';
import type { CommandContext } from './cli/define-command.ts';
import { imageSides } from './cli/option-values.ts';
import { CommandError } from './cli/usage-error.ts';
import { type FrozenEmbedder, frozenEmbedder } from './frozen-embedder.ts';
import {
  MODEL_FORMS,
  type ModelFile,
  type ModelFileOptions,
  NETWORK_OF_ARRAYS,
  OUTPUT_OF_SYMBOL,
  readModelFile,
  refuseMxnetOutput,
} from './model-file.ts';
import { type OnnxModelOptions, openOnnxEmbedder } from './onnx/onnx-embedder.ts';

export { CHECKPOINTS, RUN_FILE } from './model-file.ts';

/** A network with, usually, the sub-centres that it was trained with. */
export interface Model {
  /** What it was read from. */
  readonly path: string;
  /** What the networks beside it were read from, where there are several. */
  readonly beside?: readonly string[];
  readonly backbone: EmbeddingBackbone | Embedder;
  /** Ends what computes beside this thread, for when all is embedded; it ends with the process, too. */
  close?(): Promise<void>;
  /** Sub-centres an identity, where the file says. */
  readonly subcentersPerIdentity: number | undefined;
  /** The order in which the model's own training put its classes. */
  readonly classOrder: ClassOrder;
  /** The dataset it was trained on, where the file says. */
  readonly trainedOn?: DatasetFingerprint | undefined;
  /** Fingerprint of the dataset of which that one was left by a drop, where the run's folder says. */
  readonly leftOf?: string | undefined;
  /** Folder of the run's checkpoints, for a model that is a run. */
  readonly checkpoints?: string | undefined;
  /** What was said or found out of how images are fed to it (convention, size, output): with other words its embeddings are others. */
  readonly feeding?: string | undefined;
  /** Whether the model was saved with sub-centres. */
  readonly hasSubcenters: boolean;
  /** @throws {CommandError} when the model was saved without sub-centres; CleanerError when they do not fit K */
  subcenters(options: { readonly k: number; readonly classOrder: ClassOrder }): SubcenterWeights;
}

/** Options of commands that take a MODEL. */
export interface ModelOptions extends ModelFileOptions {
  readonly model?: string;
  readonly onnxInput?: string;
  readonly onnxOutput?: string;
}

/** Adds `--model` and what can be said about ONNX models. */
export function withModelOptions(command: Command): Command {
  return command
    .option('--model <model>', MODEL_FORMS)
    .option(
      '--onnx-input <convention>',
      'how an ONNX model is fed, or a part of it, such as layout=NCHW,channels=RGB,mean=127.5,std=127.5 (default: found out, and said)',
    )
    .option('--onnx-output <name>', 'the output of an ONNX model that is the embedding')
    .option(
      '--input-size <pixels>',
      'side of an image, or height x width (112x96), for an ONNX model that takes any size, or a checkpoint of MXNet or PyTorch of another size than 112',
      imageSides(8, 4096),
    )
    .option('--network <name>', NETWORK_OF_ARRAYS)
    .option('--mxnet-output <node>', OUTPUT_OF_SYMBOL);
}

/**
 * Opens a model to embed with.
 *
 * @param samples some of the images that it will embed, to find out from how an ONNX model is fed
 * @throws {CommandError} naming what was expected where, when there is no model
 */
export async function openModel(
  name: string,
  context: CommandContext,
  options: ModelOptions & Pick<OnnxModelOptions, 'samples' | 'threads'> & { readonly backend?: string } = {},
): Promise<Model> {
  if (name.endsWith('.onnx') && (await stat(name).catch(() => undefined))?.isFile()) {
    if (options.network !== undefined) {
      throw new CommandError(`${name} says itself which network it is. Leave out --network.`);
    }
    refuseMxnetOutput(name, options);
    const backbone = await openOnnxEmbedder(name, options, context);
    const output = options.onnxOutput === undefined ? [] : [`output ${options.onnxOutput}`];
    const feeding = [backbone.feeding, ...saidSize(options, backbone), ...output].join(', ');
    return { ...withSubcenters({ path: name, subcenters: undefined }, backbone), feeding };
  }
  if (options.onnxInput !== undefined || options.onnxOutput !== undefined) {
    throw new CommandError(
      `${name} is not an ONNX file: it says itself how it is fed. Leave out --onnx-input and --onnx-output.`,
    );
  }
  const file = await readModelFile(name, context.console, options);
  const { graph, parameters, trainedOn, leftOf, checkpoints } = file;
  const trained = backboneFromGraph(graph, { parameters });
  const { backend, threads, samples } = options;
  const backbone = await frozenEmbedder(inferenceBackbone(trained), {
    backend,
    threads,
    images: samples?.length,
  });
  trained.dispose();
  const output = options.mxnetOutput === undefined ? [] : [`output ${options.mxnetOutput}`];
  const feeding = [...saidSize(options, backbone), ...output].join(', ') || undefined;
  return { ...withSubcenters(file, backbone), ...closing(backbone), trainedOn, leftOf, checkpoints, feeding };
}

function closing({ close }: FrozenEmbedder): Pick<Model, 'close'> {
  return close === undefined ? {} : { close };
}

/** The size of images, where it is not the model that says it. */
function saidSize({ inputSize }: ModelOptions, { inputShape: [height, width] }: Model['backbone']): string[] {
  return inputSize === undefined ? [] : [`${height}x${width}`];
}

function withSubcenters(
  { path, subcenters }: Pick<ModelFile, 'path' | 'subcenters'>,
  backbone: Model['backbone'],
): Model {
  const { arrays = [], perIdentity, classOrder: own = 'position' } = subcenters ?? {};
  return {
    path,
    backbone,
    subcentersPerIdentity: perIdentity,
    classOrder: own,
    hasSubcenters: arrays.length > 0,
    subcenters({ k, classOrder }) {
      if (arrays.length === 0) {
        throw new CommandError(
          `${path} has no sub-centres: expected arrays fc7_0_weight, fc7_1_weight, ... of shape [classes * K, ${backbone.embeddingSize}]. ` +
            'The reference saves them only with ckpt_embedding=False; `arcface train` always does. --rule auto needs none.',
        );
      }
      if (perIdentity !== undefined && k !== perIdentity) {
        throw new CommandError(
          `${path} was trained with ${perIdentity} sub-centres an identity, not ${k}. Leave out --k, or give ${perIdentity}.`,
        );
      }
      const shards = arrays.map((array) => ({
        name: array.name,
        shape: array.shape,
        data: toFloat32(array),
      }));
      return assembleSubcenters(shards, { subcenters: k, classOrder });
    },
  };
}

/**
 * A model as its files hold it: the network as data, arrays by name, and the sub-centres it was trained with. Nothing here
 * computes; what embeds is made of it by `openModel`, and `arcface model` converts one form into another.
 */
import { existsSync, readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  BackbonesError,
  type NamedArray,
  type NetworkGraph,
  networkParameters,
  parseNdArrays,
  parseNetworkGraph,
  parseSafetensors,
  readMxnetSymbol,
  readSafetensorsHeader,
  recogniseNetwork,
  type Safetensors,
} from '@arcface/backbones';
import type { ClassOrder } from '@arcface/cleaner';
import { openFileSource } from '@arcface/recordio/node';
import {
  type Checkpoint,
  type DatasetFingerprint,
  HEAD_PARAMETER,
  latestCheckpoint,
  loadCheckpoint,
  openCheckpoint,
} from '@arcface/trainer';
import { FileCheckpointStore } from '@arcface/trainer/node';
import type { Console } from './cli/console.ts';
import type { ImageSides } from './cli/option-values.ts';
import { CommandError } from './cli/usage-error.ts';

/** Sub-centres as a file holds them. */
export interface SubcenterArrays {
  /** Named as the reference names them: `fc7_0_weight`, and `fc7_1_weight`, ... where they are in pieces. */
  readonly arrays: readonly NamedArray[];
  /** Where the file says. */
  readonly perIdentity: number | undefined;
  /** The order in which the model's own training put its classes. */
  readonly classOrder: ClassOrder;
}

/** A network and its values. */
export interface ModelFile {
  /** What it was read from. */
  readonly path: string;
  readonly graph: NetworkGraph;
  /** `arg:...` and `aux:...`: all of the network's, and nothing else. */
  readonly parameters: readonly NamedArray[];
  /** Undefined when the model was saved without. */
  readonly subcenters: SubcenterArrays | undefined;
  /** The dataset it was trained on, where the file says. */
  readonly trainedOn?: DatasetFingerprint | undefined;
  /** Fingerprint of the dataset of which that one was left by a drop, where the run's folder says. */
  readonly leftOf?: string | undefined;
  /** Folder of the run's checkpoints, for a model that is a run. */
  readonly checkpoints?: string | undefined;
}

/** What a MODEL may be, for help and errors. */
export const MODEL_FORMS =
  'a run folder, a .safetensors file (one of PyTorch is recognised by its names), PREFIX,EPOCH of MXNet, or a .onnx file';

/** Help of `--network`. */
export const NETWORK_OF_ARRAYS =
  'which network a .safetensors file of PyTorch is (default: the one whose names and shapes it has)';

/** Help of `--mxnet-output`. */
export const OUTPUT_OF_SYMBOL =
  'the node of an MXNet symbol that is the embedding (default: fc1, or what the symbol puts out)';

/** What can be said about a model whose files do not say it, and what is wanted of them. */
export interface ModelFileOptions {
  /** Size of an image, of checkpoints of MXNet and files of PyTorch. Default: what the arrays tell, or 112. */
  readonly inputSize?: ImageSides | undefined;
  /** The network that a file of PyTorch holds. Default: the one whose names and shapes it has. */
  readonly network?: string | undefined;
  /** The node of an MXNet symbol whose value is the embedding. Default: `fc1`, or what the symbol puts out. */
  readonly mxnetOutput?: string | undefined;
  /** Whether sub-centres are read, which may be most of a checkpoint. Default true. */
  readonly withSubcenters?: boolean | undefined;
}

/** `format` in the metadata of a network that is no checkpoint of a run. */
export const NETWORK_FORMAT = 'arcface-network';

/** The settings of a run, in its folder. */
export const RUN_FILE = 'run.json';
/** Folder of the checkpoints in a run folder. */
export const CHECKPOINTS = 'checkpoints';
const HEAD = 'head:';

/**
 * Reads a model that has the layers of this project.
 *
 * @param options for models that do not say these themselves
 * @throws {CommandError} naming what was expected where, when there is no model
 */
export async function readModelFile(
  name: string,
  console: Console,
  options: ModelFileOptions = {},
): Promise<ModelFile> {
  const model = await readParts(name, console, options);
  const { path, graph } = model;
  try {
    const { parameters, unknown } = networkParameters(graph, model.parameters);
    if (unknown.length > 0) {
      const listed = unknown.flatMap(({ name: array, nearest }) =>
        nearest === undefined ? [] : [`${array} (nearest: ${nearest})`],
      );
      const more = unknown.length > listed.length ? `, and ${unknown.length - listed.length} more` : '';
      console.warn(
        `${path}: ${unknown.length} arrays that ${graph.name} has no use for are left out: ${listed.join(', ')}${more}`,
      );
    }
    return { ...model, parameters };
  } catch (error) {
    const isShape = error instanceof BackbonesError && error.code === 'parameter-shape';
    const hint = isShape && path.endsWith('.params') ? ` ${OF_ANOTHER_SIZE}` : '';
    throw new CommandError(`${path}: ${(error as Error).message}.${hint}`);
  }
}

const OF_ANOTHER_SIZE =
  'A symbol does not say the size of its images. If it is another than 112x112, say it: --input-size 96, or height x width, 112x96.';

async function readParts(name: string, console: Console, options: ModelFileOptions): Promise<ModelFile> {
  const mxnet = /^(.+),(\d{1,9})$/.exec(name);
  // A folder may be called so, too.
  if (mxnet && !existsSync(name)) {
    refuseSaid(name, { network: options.network });
    return readMxnet(mxnet[1]!, Number(mxnet[2]), options);
  }
  const info = await stat(name).catch(() => undefined);
  if (info === undefined) {
    throw new CommandError(
      `There is no model ${name}. Expected ${MODEL_FORMS}. (PREFIX,EPOCH stands for PREFIX-symbol.json and PREFIX-EPOCH.params.)`,
    );
  }
  if (info.isDirectory()) {
    refuseSaid(name, options);
    return readRun(name, console, options);
  }
  if (name.endsWith('.safetensors')) return readSafetensors(name, console, options);
  if (name.endsWith('.onnx')) {
    throw new CommandError(
      `${name} is a finished ONNX model: it embeds, and \`arcface model info\` looks into it, but it is not taken apart into the layers of a network. Expected a run folder, a .safetensors file, or PREFIX,EPOCH of MXNet.`,
    );
  }
  if (/\.(pth?|ckpt|bin)$/.test(name)) throw new CommandError(`${name} is not read: ${PICKLES}`);
  throw new CommandError(`${name} is not a model that can be read: expected ${MODEL_FORMS}.`);
}

const PICKLES =
  'a pickle of PyTorch can run any program. Save the arrays alone: safetensors.torch.save_file(network.state_dict(), "face.safetensors").';

/** @throws {CommandError} for what a model says itself */
function refuseSaid(name: string, { inputSize, network, mxnetOutput }: ModelFileOptions): void {
  if (inputSize !== undefined) {
    throw new CommandError(`${name} says itself which size its images have. Leave out --input-size.`);
  }
  if (network !== undefined) {
    throw new CommandError(`${name} says itself which network it is. Leave out --network.`);
  }
  refuseMxnetOutput(name, { mxnetOutput });
}

/** @throws {CommandError} for a model that has no symbol */
export function refuseMxnetOutput(name: string, { mxnetOutput }: ModelFileOptions): void {
  if (mxnetOutput !== undefined) {
    throw new CommandError(`${name} is no checkpoint of MXNet (PREFIX,EPOCH). Leave out --mxnet-output.`);
  }
}

async function readRun(folder: string, console: Console, options: ModelFileOptions): Promise<ModelFile> {
  const directory = existsSync(join(folder, CHECKPOINTS)) ? join(folder, CHECKPOINTS) : folder;
  const latest = await latestCheckpoint(new FileCheckpointStore(directory), isWanted(options));
  if (latest === undefined) {
    throw new CommandError(
      `The folder ${folder} holds no checkpoint (step-*.safetensors). Was the run stopped before its first one?`,
    );
  }
  for (const { reason } of latest.damaged) console.warn(`${reason} The one before it is used.`);
  return {
    ...ofCheckpoint(latest.checkpoint, join(directory, latest.name)),
    checkpoints: directory,
    leftOf: leftOf(directory),
  };
}

/** What `arcface train` noted of its data beside the checkpoints. */
function leftOf(checkpoints: string): string | undefined {
  try {
    const settings = JSON.parse(readFileSync(join(dirname(checkpoints), RUN_FILE), 'utf8'));
    return typeof settings.leftOf === 'string' ? settings.leftOf : undefined;
  } catch {
    return undefined;
  }
}

async function readSafetensors(
  path: string,
  console: Console,
  options: ModelFileOptions,
): Promise<ModelFile> {
  const source = await openFileSource(path);
  try {
    const read = (start: number, end: number): Promise<Uint8Array> => source.read(start, end);
    const { metadata } = await readSafetensorsHeader(read, source.byteLength).catch((error: unknown) => {
      throw withFile(error, path);
    });
    // Other programs write their own name, such as "pt", or nothing.
    const isOurs = metadata.format?.startsWith('arcface');
    if (isOurs) refuseSaid(path, options);
    refuseMxnetOutput(path, options);
    if (isOurs && metadata.format !== NETWORK_FORMAT)
      return ofCheckpoint(await loadCheckpoint(await openCheckpoint(source, path), isWanted(options)), path);
    const bytes = await read(0, source.byteLength);
    const file = naming(path, () => parseSafetensors(bytes));
    return isOurs ? ofNetwork(file, path) : ofArrays(file, path, console, options);
  } finally {
    await source.close();
  }
}

/** What a run goes on with is as large as the model itself, and no part of it. */
function isWanted({ withSubcenters = true }: ModelFileOptions): (name: string) => boolean {
  const left = ['momentum:', 'dynamics:', ...(withSubcenters ? [] : [HEAD])];
  return (name) => !left.some((beginning) => name.startsWith(beginning));
}

/** Arrays and nothing else, as PyTorch's programs write them. */
function ofArrays(
  { tensors }: Safetensors,
  path: string,
  console: Console,
  options: ModelFileOptions,
): ModelFile {
  try {
    const { graph, parameters } = recogniseNetwork(tensors, options);
    console.log(`${path}: the arrays of ${graph.name}, for images of ${graph.inputShape.join('x')}`);
    return { path, graph, parameters, subcenters: undefined };
  } catch (error) {
    throw new CommandError(
      `${path}: ${(error as Error).message}. If it is another network than that, say which: --network (arcface model list has the names), --input-size.`,
    );
  }
}

function ofNetwork({ metadata, tensors }: Safetensors, path: string): ModelFile {
  const { network = '', subcenters, classOrder } = metadata;
  let graph: NetworkGraph;
  try {
    graph = parseNetworkGraph(JSON.parse(network));
  } catch (error) {
    throw new CommandError(
      `${path}: the network in its metadata cannot be read: ${(error as Error).message}`,
    );
  }
  const arrays = headArrays(tensors);
  return {
    path,
    graph,
    parameters: tensors.filter(({ name }) => !name.startsWith(HEAD)),
    subcenters:
      arrays.length === 0
        ? undefined
        : {
            arrays,
            perIdentity: subcenters === undefined ? undefined : Number(subcenters),
            classOrder: classOrder === 'label' ? 'label' : 'position',
          },
  };
}

function ofCheckpoint({ network, tensors, head, data }: Checkpoint, path: string): ModelFile {
  const weights = tensors.find(({ name }) => name === HEAD + HEAD_PARAMETER);
  const [rows, dimensions] = [head.classes * head.subcenters, head.embeddingSize];
  if (weights !== undefined && weights.shape.join() !== [rows, dimensions].join()) {
    throw new CommandError(
      `${path} says ${head.classes} classes x ${head.subcenters} sub-centres of ${dimensions} values, but its sub-centres are [${weights.shape}].`,
    );
  }
  return {
    path,
    graph: network.graph,
    parameters: tensors.filter(({ name }) => name.startsWith('arg:') || name.startsWith('aux:')),
    trainedOn: data,
    // `arcface train` numbers the identities as the dataset lists them.
    subcenters: { arrays: headArrays(tensors), perIdentity: head.subcenters, classOrder: 'position' },
  };
}

function headArrays(tensors: readonly NamedArray[]): NamedArray[] {
  return tensors
    .filter(({ name }) => name.startsWith(HEAD))
    .map((array) => ({ ...array, name: array.name.slice(HEAD.length) }));
}

async function readMxnet(prefix: string, epoch: number, options: ModelFileOptions): Promise<ModelFile> {
  const { inputSize = 112, mxnetOutput: output } = options;
  const [height, width] = typeof inputSize === 'number' ? [inputSize, inputSize] : inputSize;
  const symbolPath = `${prefix}-symbol.json`;
  const path = `${prefix}-${String(epoch).padStart(4, '0')}.params`;
  // One after the other: of two missing files the first is named, at every run.
  const symbol = await readPart(symbolPath);
  const params = await readPart(path);
  const graph = naming(symbolPath, () =>
    readMxnetSymbol(Buffer.from(symbol).toString('utf8'), {
      name: basename(prefix),
      inputShape: [height, width, 3],
      output,
    }),
  );
  const { arrays } = naming(path, () => parseNdArrays(params));
  const isSubcenters = ({ name }: NamedArray): boolean => /^(arg:)?fc7(_\d+)?_weight$/.test(name);
  const subcenters = arrays.filter(isSubcenters).map((array) => {
    const name = array.name.replace(/^arg:/, '');
    return { ...array, name: name === 'fc7_weight' ? HEAD_PARAMETER : name };
  });
  return {
    path,
    graph,
    parameters: arrays.filter((array) => !isSubcenters(array)),
    // The reference trains with the labels themselves.
    subcenters:
      subcenters.length === 0
        ? undefined
        : { arrays: subcenters, perIdentity: undefined, classOrder: 'label' },
  };
}

/** Adds the file to what a reader says of it. */
function naming<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw withFile(error, path);
  }
}

function withFile(error: unknown, path: string): unknown {
  if (!(error instanceof BackbonesError)) return error;
  const isForeign = error.code === 'unsupported' && path.endsWith('-symbol.json');
  return new CommandError(`${path}: ${error.message}${isForeign ? `. ${FOREIGN_SYMBOL}` : ''}`);
}

const FOREIGN_SYMBOL =
  'If that comes behind the embedding (a loss, say), name the node that is the embedding: --mxnet-output NODE. ' +
  'Otherwise write the network as ONNX, in MXNet with mx.onnx.export_model, and give the .onnx: it embeds as it is';

async function readPart(path: string): Promise<Uint8Array> {
  try {
    const file = await readFile(path);
    return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  } catch (error) {
    throw new CommandError(`A file of the MXNet checkpoint cannot be read: ${(error as Error).message}`);
  }
}

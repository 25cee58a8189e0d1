/**
 * What the user chose to embed with: an ONNX file, a checkpoint in safetensors (of `arcface train`, of `arcface model convert`, or
 * PyTorch's arrays), or MXNet's symbol and params.
 */
import {
  backboneFromGraph,
  backboneFromMxnet,
  parseNetworkGraph,
  parseSafetensors,
  recogniseNetwork,
  resolveOnnxInput,
} from '@arcface/backbones';
import type { FaceDataset } from '@arcface/recordio';
import {
  decodeCheckpoint,
  decodeImage,
  type Embedder,
  type EmbeddingBackbone,
  type ImageDecoder,
  onnxEmbedder,
} from '@arcface/trainer';
import { parseOnnxModel } from 'onnx-format';
import type { ChosenFile } from '../session/chosen-files.ts';
import { mxnetFiles } from './mxnet-files.ts';
import { openOnnxSession } from './onnx-session.ts';

const isMxnet = ({ path }: ChosenFile): boolean => path.endsWith('.params') || path.endsWith('-symbol.json');

/**
 * Opens a network. The backend of TensorFlow.js must have been started, unless it is an ONNX file.
 *
 * @throws {Error} naming the file and what is wrong with it
 */
export async function openNetwork(
  files: readonly ChosenFile[],
  dataset: FaceDataset,
  decoder: ImageDecoder,
): Promise<EmbeddingBackbone | Embedder> {
  const network = files.find(({ path }) => /\.(onnx|safetensors)$/.test(path)) ?? files.find(isMxnet);
  if (network === undefined) throw new Error('There is no network among the files.');
  try {
    if (network.path.endsWith('.onnx')) return await openOnnx(network, dataset, decoder);
    if (network.path.endsWith('.safetensors')) return await openSafetensors(network);
    return await openMxnet(files);
  } catch (error) {
    throw new Error(`${network.path}: ${(error as Error).message}`);
  }
}

async function bytesOf({ file }: ChosenFile): Promise<Uint8Array> {
  return new Uint8Array(await file.arrayBuffer());
}

async function openSafetensors(network: ChosenFile): Promise<EmbeddingBackbone> {
  const bytes = await bytesOf(network);
  const { metadata, tensors } = parseSafetensors(bytes);
  const parametersOf = (arrays: typeof tensors) => arrays.filter(({ name }) => !name.startsWith('head:'));
  if (!metadata.format?.startsWith('arcface')) {
    const { graph, parameters } = recogniseNetwork(tensors);
    return backboneFromGraph(graph, { parameters, unknown: 'ignore' });
  }
  if (metadata.network !== undefined && metadata.format === 'arcface-network') {
    const graph = parseNetworkGraph(JSON.parse(metadata.network));
    return backboneFromGraph(graph, { parameters: parametersOf(tensors), unknown: 'ignore' });
  }
  const checkpoint = await decodeCheckpoint(bytes, network.path);
  return backboneFromGraph(checkpoint.network.graph, {
    parameters: checkpoint.tensors.filter(({ name }) => /^(arg|aux):/.test(name)),
    unknown: 'ignore',
  });
}

async function openMxnet(files: readonly ChosenFile[]): Promise<EmbeddingBackbone> {
  const pair = mxnetFiles(files);
  if (pair === undefined) {
    throw new Error('an MXNet checkpoint is two files, NAME-symbol.json and NAME-0000.params: choose both');
  }
  return backboneFromMxnet({ symbol: await pair.symbol.file.text(), params: await bytesOf(pair.params) });
}

/** Fewer images than this say nothing about how a model is fed. */
const LEAST_SAMPLES = 4;

async function openOnnx(network: ChosenFile, dataset: FaceDataset, decoder: ImageDecoder): Promise<Embedder> {
  const model = parseOnnxModel(await bytesOf(network));
  const input = await resolveOnnxInput({
    model,
    said: undefined,
    size: undefined,
    output: undefined,
    open: openOnnxSession,
    async samples(count, size) {
      const found: Uint8Array[] = [];
      const wanted = Math.min(count, dataset.length);
      for (let i = 0; i < wanted; i++) {
        const position = Math.floor((i * dataset.length) / wanted);
        const { pixels } = await decodeImage({ dataset, decoder, size }, position);
        if (pixels !== undefined) found.push(pixels);
      }
      if (found.length < LEAST_SAMPLES) throw new Error('there are too few images to find out how it is fed');
      const bytes = 3 * size.height * size.width;
      const pixels = new Uint8Array(count * bytes);
      for (let i = 0; i < count; i++) pixels.set(found[i % found.length]!, i * bytes);
      return pixels;
    },
  });
  return onnxEmbedder(await openOnnxSession(model), input);
}

/**
 * InsightFace's own MobileFaceNet as the start: its early stages stay as they are, the last residual stage and the embedding are trained
 * on. What the frozen stages make of an image never changes, so it is computed once for every image of LFW and for its mirror image, and
 * kept in the system's temporary folder (660 MB; some minutes): a step is then a seventh of the work. It is what the trainer's `frozen`
 * does (batch norms of the frozen stages at their averages), without computing the same numbers in every epoch of every network.
 */
import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Backbone,
  backboneFromGraph,
  type NetworkGraph,
  parseNdArrays,
  readMxnetSymbol,
} from '@arcface/backbones';
import type { FaceDataset } from '@arcface/recordio';
import { openFaceDataset } from '@arcface/recordio/node';
import { embedImages, type ImageDecoder, mirrorImage } from '@arcface/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { type DecodedFaces, sharpDecoder } from 'arcface';
import { type Lfw, PRETRAINED } from './lfw.ts';
import type { Start } from './starts.ts';

/** The last layer that stays as it is; `res_5`, `conv_6sep`, `conv_6dw7_7` and `fc1` follow. */
const LAST_FROZEN = 'dconv_45_conv_proj_batchnorm';
/** What it gives for an image: channels, height, width, as they are kept. */
const FEATURES = [128, 7, 7] as const;
const FEATURE_COUNT = FEATURES[0] * FEATURES[1] * FEATURES[2];

export async function pretrainedStart(lfw: Lfw): Promise<Start> {
  const [prefix] = PRETRAINED.split(',');
  const { arrays: parameters } = parseNdArrays(readFileSync(`${prefix}-0000.params`));
  const { frozen, trained } = cutBehind(
    LAST_FROZEN,
    readMxnetSymbol(readFileSync(`${prefix}-symbol.json`, 'utf8')),
  );
  const withWeights = (graph: NetworkGraph) => backboneFromGraph(graph, { parameters, unknown: 'ignore' });
  const dataset = await openFaceDataset(lfw.directory);
  const features = await keptFeatures(dataset, () => withWeights(frozen));
  return {
    name: 'pretrained',
    faces: placesOf(dataset),
    network: () => takingPlaces(withWeights(trained), features),
    epochs: 3,
    learningRates: { one: 0.01, several: 0.03 },
    augmentation: { mirror: 0.5 },
  };
}

function cutBehind(last: string, graph: NetworkGraph): Record<'frozen' | 'trained', NetworkGraph> {
  const at = graph.nodes.findIndex(({ name }) => name === last) + 1;
  const [channels, height, width] = FEATURES;
  return {
    frozen: { ...graph, nodes: graph.nodes.slice(0, at), output: last },
    trained: { ...graph, nodes: graph.nodes.slice(at), input: last, inputShape: [height, width, channels] },
  };
}

/** Of every image, and of its mirror image: a row each of {@link FEATURES}, in the order of the dataset. */
interface Features {
  readonly upright: Float32Array;
  readonly mirrored: Float32Array;
}

const mirroringDecoder: ImageDecoder = {
  async decode(bytes, size) {
    const pixels = new Uint8Array(await sharpDecoder.decode(bytes, size));
    mirrorImage(pixels, size);
    return pixels;
  },
};

async function keptFeatures(dataset: FaceDataset, network: () => Backbone): Promise<Features> {
  const kept = async (name: keyof Features, decoder: ImageDecoder): Promise<Float32Array> => {
    const path = join(tmpdir(), `arcface-lfw112-mobilefacenet-y1-stages-${name}.f32`);
    if (!existsSync(path)) {
      const backbone = network();
      const { embeddings } = await embedImages({ backbone, dataset, decoder });
      backbone.dispose();
      await writeFile(`${path}.${process.pid}`, new Uint8Array(embeddings.buffer));
      await rename(`${path}.${process.pid}`, path);
    }
    const bytes = readFileSync(path);
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  };
  return {
    upright: await kept('upright', sharpDecoder),
    mirrored: await kept('mirrored', mirroringDecoder),
  };
}

/**
 * The features go through loader and trainer as images of two pixels, each of which is a number in base 256: where the features stand,
 * and where those of the mirror image do. To mirror such an image is to take the other ones.
 */
const PLACES = { height: 1, width: 2 } as const;
const PLACE_BYTES = 3 * PLACES.height * PLACES.width;

function placesOf(dataset: FaceDataset): DecodedFaces {
  const pixel = (number: number) => [number >> 16, (number >> 8) & 255, number & 255];
  return {
    dataset: {
      length: dataset.length,
      labels: dataset.labels,
      identities: dataset.identities,
      key: (position) => dataset.key(position),
      read: async (position) => ({
        key: dataset.key(position),
        label: dataset.labels[position]!,
        bytes: Uint8Array.from([...pixel(2 * position), ...pixel(2 * position + 1)]),
      }),
      close: () => dataset.close(),
    },
    decoder: { decode: async (record) => record },
  };
}

/** A network that takes features, as one that takes their places. */
function takingPlaces(network: Backbone, { upright, mirrored }: Features): Backbone {
  const featuresAt = (places: tf.Tensor4D): tf.Tensor4D => {
    const pixels = places.dataSync();
    const [count] = places.shape;
    const values = new Float32Array(count * FEATURE_COUNT);
    for (let i = 0; i < count; i++) {
      const [high, middle, low] = pixels.subarray(i * PLACE_BYTES, i * PLACE_BYTES + 3) as Float32Array;
      const place = high! * 65536 + middle! * 256 + low!;
      const from = (place >> 1) * FEATURE_COUNT;
      values.set(
        (place % 2 === 0 ? upright : mirrored).subarray(from, from + FEATURE_COUNT),
        i * FEATURE_COUNT,
      );
    }
    return tf.transpose(tf.tensor4d(values, [count, ...FEATURES]), [0, 2, 3, 1]);
  };
  return {
    ...network,
    inputShape: [PLACES.height, PLACES.width, 3],
    apply: (places, options) => tf.tidy(() => network.apply(featuresAt(places), options)),
  };
}

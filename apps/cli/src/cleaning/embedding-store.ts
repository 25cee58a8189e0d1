/**
 * Embeddings of a dataset on disk, in chunks of whole files: what makes judging ten million images possible in little memory,
 * resumable after whatever ended it, and divisible among machines. A chunk is written beside its place and renamed, so it is there
 * whole or not at all; chunks are cut at the same images however the work is divided, and images are batched within their
 * chunk, so that the bytes of a chunk do not depend on who made it.
 *
 * Each is a safetensors file: `embeddings` (float32 [n, D]; NaN for an image that cannot be decoded), `hash` (uint8 [n, 8], a perceptual
 * hash), `sha256` (uint8 [n, 32], of the image's bytes).
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSafetensors, serializeSafetensors, toFloat32 } from '@arcface/backbones';
import { differenceHash, HASH_BYTES } from '@arcface/cleaner';
import type { FaceDataset } from '@arcface/recordio';
import {
  datasetFingerprint,
  type EmbedOptions,
  embedImages,
  type ImageDecoder,
  TrainingError,
  type UndecodableImage,
} from '@arcface/trainer';
import { writeAtomically } from '../atomic-file.ts';
import { CommandError } from '../cli/usage-error.ts';
import { SafetensorsSlices } from './safetensors-slices.ts';

const FORMAT = 'arcface-embeddings';
const SHA256_BYTES = 32;

const CHUNK_IMAGES = 1024;
/** Between the digests of networks that stand side by side. */
const BESIDE = '+';

/** One of several that share the work: `index` from 0. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** A stretch of the dataset, embedded. */
export interface EmbeddedChunk {
  /** Position of its first image. */
  readonly start: number;
  readonly images: number;
  readonly dimensions: number;
  /** [images, dimensions], as the network gives them; rows of NaN cannot be decoded. */
  readonly embeddings: Float32Array;
  /** [images, 8]. */
  readonly hashes: Uint8Array;
  /** [images, 32]. */
  readonly digests: Uint8Array;
  readonly failed: readonly UndecodableImage[];
}

export interface EmbeddingStoreOptions {
  readonly directory: string;
  readonly dataset: FaceDataset;
  /** File that the network was read from; its digest tells one network's chunks from another's. */
  readonly model: string;
  /** Files of the networks whose embeddings stand beside its own. */
  readonly beside?: readonly string[] | undefined;
  /** How images are fed to an ONNX model. */
  readonly feeding?: string | undefined;
  /** Images of a chunk: the same for all who share a folder. Default 1024. */
  readonly chunkImages?: number;
}

export interface FillOptions {
  readonly backbone: EmbedOptions['backbone'];
  readonly decoder: ImageDecoder;
  readonly batchSize: number;
  /** Default: all of it. */
  readonly shard?: Shard | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, imagesPerSecond: number) => void;
}

/** What a chunk belongs to. */
interface ChunkOwner {
  readonly model: string;
  readonly data: string;
  readonly feeding?: string;
}

const OTHERWISE: Readonly<Record<keyof ChunkOwner, string>> = {
  model: 'by another network',
  data: 'of other data',
  feeding:
    'by the network fed in another way (--onnx-input, --input-size), or with other weights or another output',
};

export class EmbeddingStore {
  readonly directory: string;
  /** What all files of the folder belong to. */
  readonly owner: Readonly<Record<string, string>> & ChunkOwner;
  readonly chunkImages: number;
  readonly #dataset: FaceDataset;

  private constructor(
    { directory, dataset, chunkImages = CHUNK_IMAGES }: EmbeddingStoreOptions,
    owner: ChunkOwner,
  ) {
    this.directory = directory;
    this.owner = { ...owner };
    this.chunkImages = chunkImages;
    this.#dataset = dataset;
  }

  static async open(options: EmbeddingStoreOptions): Promise<EmbeddingStore> {
    const { model, beside = [], dataset, feeding } = options;
    const digests: string[] = [];
    for (const file of [model, ...beside]) digests.push(await sha256OfFile(file));
    return new EmbeddingStore(options, {
      model: digests.join(BESIDE),
      data: datasetFingerprint(dataset).hash,
      ...(feeding === undefined ? {} : { feeding }),
    });
  }

  /** SHA-256 of the model's file, then of those beside it. */
  get modelDigests(): readonly string[] {
    return this.owner.model.split(BESIDE);
  }

  /** Images of the dataset. */
  get images(): number {
    return this.#dataset.length;
  }

  get chunks(): number {
    return Math.ceil(this.#dataset.length / this.chunkImages);
  }

  /** Chunks of a shard that are not there yet. */
  missing(shard: Shard = { index: 0, count: 1 }): number[] {
    return Array.from({ length: this.chunks }, (_, chunk) => chunk).filter(
      (chunk) => chunk % shard.count === shard.index && !existsSync(this.pathOf(chunk)),
    );
  }

  /**
   * Embeds what is missing.
   *
   * @returns the images that were embedded now
   * @throws {CommandError} when a chunk that is there was made by another network, of other data, or of other images under its keys
   */
  async fill(options: FillOptions): Promise<number> {
    const missing = this.missing(options.shard);
    await this.#refuseOthers(options.signal);
    let done = 0;
    const begun = performance.now();
    for (const chunk of missing) {
      const before = done;
      const report = (inChunk: number): void => {
        done = before + inChunk;
        options.onProgress(done, (done * 1000) / (performance.now() - begun));
      };
      await this.#write(chunk, await this.#embed(chunk, options, report));
    }
    return done;
  }

  /** @throws {CommandError} when the file is damaged, or belongs to another network or other data */
  async read(chunk: number): Promise<EmbeddedChunk> {
    const path = this.pathOf(chunk);
    const start = chunk * this.chunkImages;
    const images = Math.min(this.chunkImages, this.#dataset.length - start);
    const file = await readFile(path);
    let parsed: ReturnType<typeof parseSafetensors>;
    try {
      parsed = parseSafetensors(new Uint8Array(file.buffer, file.byteOffset, file.byteLength));
    } catch (error) {
      throw this.#refusal(chunk, `cannot be read as embeddings: ${(error as Error).message}`);
    }
    const { tensors, metadata } = parsed;
    this.#refuseForeign(chunk, metadata);
    const [rows, hashes, digests] = ['embeddings', 'hash', 'sha256'].map((name) =>
      tensors.find((tensor) => tensor.name === name),
    );
    if (
      rows?.shape[0] !== images ||
      !(hashes?.data instanceof Uint8Array) ||
      !(digests?.data instanceof Uint8Array)
    ) {
      throw this.#refusal(chunk, `does not hold images ${start} to ${start + images - 1}`);
    }
    return {
      start,
      images,
      dimensions: rows.shape[1]!,
      embeddings: toFloat32(rows),
      hashes: hashes.data,
      digests: digests.data,
      failed: undecodableOf(metadata),
    };
  }

  /**
   * Looks whether what is there is of this network and of these images. Keys and labels stay as they are when images are aligned or
   * compressed anew, so one image of each chunk is read, and every one that could not be decoded: it may have been mended.
   */
  async #refuseOthers(signal: AbortSignal): Promise<void> {
    for (let chunk = 0; chunk < this.chunks; chunk++) {
      if (!existsSync(this.pathOf(chunk))) continue;
      signal.throwIfAborted();
      const start = chunk * this.chunkImages;
      const file = new SafetensorsSlices(this.pathOf(chunk));
      try {
        this.#refuseForeign(chunk, file.metadata);
        const failed = undecodableOf(file.metadata).map(({ position }) => position - start);
        for (const place of new Set([0, ...failed])) {
          const { key, bytes } = await this.#dataset.read(start + place, { signal });
          if (sha256(bytes).equals(file.read('U8', 'sha256', place, place + 1))) continue;
          throw this.#refusal(
            chunk,
            `has the embedding of another image under the key ${JSON.stringify(key)}`,
          );
        }
      } finally {
        file.close();
      }
    }
  }

  /** @throws {CommandError} unless a chunk with that metadata belongs to this network and data */
  #refuseForeign(chunk: number, metadata: Readonly<Record<string, string>>): void {
    if (metadata.format !== FORMAT) throw this.#refusal(chunk, 'does not hold embeddings');
    for (const [what, expected] of Object.entries(this.owner)) {
      if (metadata[what] === expected) continue;
      throw this.#refusal(chunk, `was made ${OTHERWISE[what as keyof ChunkOwner]}`);
    }
  }

  #refusal(chunk: number, what: string): CommandError {
    return new CommandError(
      `${this.pathOf(chunk)} ${what}. Remove ${this.directory}, or work in another folder (--work).`,
    );
  }

  async #embed(
    chunk: number,
    { backbone, decoder, batchSize, signal }: FillOptions,
    report: (done: number) => void,
  ): Promise<EmbeddedChunk> {
    const start = chunk * this.chunkImages;
    const images = Math.min(this.chunkImages, this.#dataset.length - start);
    const hashes = new Uint8Array(images * HASH_BYTES);
    const digests = new Uint8Array(images * SHA256_BYTES);
    const placeOf = new WeakMap<Uint8Array, number>();
    const dataset = this.#dataset;
    const source = {
      length: images,
      labels: dataset.labels.subarray(start, start + images),
      key: (place: number) => dataset.key(start + place),
      async read(place: number, options?: { signal?: AbortSignal }) {
        const record = await dataset.read(start + place, options);
        digests.set(sha256(record.bytes), place * SHA256_BYTES);
        placeOf.set(record.bytes, place);
        return record;
      },
    };
    const hashing: ImageDecoder = {
      async decode(bytes, size) {
        const pixels = await decoder.decode(bytes, size);
        const place = placeOf.get(bytes);
        if (place !== undefined) hashes.set(differenceHash(pixels, size), place * HASH_BYTES);
        return pixels;
      },
    };
    const dimensions = backbone.embeddingSize;
    let failed: UndecodableImage[];
    let embeddings: Float32Array;
    try {
      const embedded = await embedImages({
        backbone,
        dataset: source,
        decoder: hashing,
        batchSize,
        signal,
        onProgress: ({ done }) => report(done),
      });
      embeddings = embedded.embeddings;
      failed = embedded.failed.map((image) => ({ ...image, position: start + image.position }));
    } catch (error) {
      if (!(error instanceof TrainingError) || error.code !== 'nothing-decodable') throw error;
      embeddings = new Float32Array(images * dimensions);
      failed = Array.from({ length: images }, (_, place) => ({
        key: dataset.key(start + place),
        position: start + place,
        reason: 'cannot be decoded',
      }));
    }
    for (const { position } of failed) {
      embeddings.fill(Number.NaN, (position - start) * dimensions, (position - start + 1) * dimensions);
    }
    return { start, images, dimensions, embeddings, hashes, digests, failed };
  }

  async #write(
    chunk: number,
    { images, dimensions, embeddings, hashes, digests, failed }: EmbeddedChunk,
  ): Promise<void> {
    const bytes = serializeSafetensors({
      tensors: [
        { name: 'embeddings', dtype: 'float32', shape: [images, dimensions], data: embeddings },
        { name: 'hash', dtype: 'uint8', shape: [images, HASH_BYTES], data: hashes },
        { name: 'sha256', dtype: 'uint8', shape: [images, SHA256_BYTES], data: digests },
      ],
      metadata: { format: FORMAT, version: '1', ...this.owner, failed: JSON.stringify(failed) },
    });
    await writeAtomically(this.pathOf(chunk), [bytes]);
  }

  /** File of a chunk, whether or not it is there. */
  pathOf(chunk: number): string {
    return join(this.directory, `chunk-${String(chunk).padStart(8, '0')}.safetensors`);
  }
}

/** A chunk's rows without those of images that cannot be decoded. */
export function readableRows({ start, images, dimensions, embeddings, failed }: EmbeddedChunk): Float32Array {
  if (failed.length === 0) return embeddings;
  const gone = new Set(failed.map(({ position }) => position - start));
  const rows = new Float32Array((images - gone.size) * dimensions);
  let to = 0;
  for (let place = 0; place < images; place++) {
    if (gone.has(place)) continue;
    rows.set(embeddings.subarray(place * dimensions, (place + 1) * dimensions), to);
    to += dimensions;
  }
  return rows;
}

/** What a chunk says of its images that cannot be decoded. */
function undecodableOf({ failed = '[]' }: Readonly<Record<string, string>>): readonly UndecodableImage[] {
  return JSON.parse(failed);
}

/** SHA-256 of an image's bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** SHA-256 of a file, hexadecimal, without holding the file. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
  return hash.digest('hex');
}

/**
 * From a dataset to batches. The loader reads and decodes images ahead of the training step, augments them, and packs
 * them into batches of bytes.
 *
 * What it yields is a function of the dataset, the seed and the place in the run, and of nothing else: not of how fast
 * the disk is, nor of how many images are decoded at once. A run that resumes at a {@link DataPosition} therefore sees
 * the same batches as one that was never interrupted.
 *
 * Policy for images that cannot be decoded (the reference's): they are skipped, and the next image of the epoch takes
 * their place in the batch. They are counted and named in {@link DataLoader.undecodable}. A dataset in which nothing can
 * be decoded, or too little for one batch, is refused. A dataset that cannot be *read* (an I/O error) is an error.
 * A last batch that is not full is dropped (the reference's policy, too).
 */
import type { FaceDataset } from '@arcface/recordio';
import type { Communicator } from '@arcface/subcenter-loss';
import { Random } from '../random.ts';
import { TrainingError } from '../training-error.ts';
import {
  type AugmentationOptions,
  checkAugmentation,
  checkRecompression,
  type ImageSize,
} from './augmentation.ts';
import { eventLoopTurn } from './event-loop-turn.ts';
import { type DecodedImage, decodeImage, type ImageDecoder } from './image-decoder.ts';
import { prefetch } from './prefetch.ts';
import { groupedOrder, shuffledOrder } from './shuffle.ts';

/** A place in the sequence of images: which epoch, and how many images of its order have been consumed. */
export interface DataPosition {
  readonly epoch: number;
  readonly position: number;
}

/** Images that enter one training step. */
export interface Batch {
  /** RGB bytes, row-major [batchSize, height, width, 3]; of a batch that is shared, this rank's images only. */
  readonly images: Uint8Array;
  /** Label of each image. */
  readonly labels: Int32Array;
  /** Record key of each image. */
  readonly keys: readonly (number | string)[];
  /** Position of each image in the dataset. */
  readonly positions: Int32Array;
  /** Which of a shared batch's images are this rank's: they stand together. Absent where all are. */
  readonly share?: { readonly begin: number; readonly count: number } | undefined;
  /** The epoch, from 0, and the batch's number in it, from 0. */
  readonly epoch: number;
  readonly index: number;
  /** Where to go on after this batch. */
  readonly next: DataPosition;
}

/** An image that was skipped. */
export interface UndecodableImage {
  readonly key: number | string;
  readonly position: number;
  /** What the decoder said. */
  readonly reason: string;
}

/** Options of {@link DataLoader}. */
export interface DataLoaderOptions {
  readonly dataset: FaceDataset;
  readonly decoder: ImageDecoder;
  /** Size the network takes; the decoder resizes to it. */
  readonly size: ImageSize;
  readonly batchSize: number;
  /** Determines order and augmentation. Default 0. */
  readonly seed?: number;
  /** Random order, another one each epoch; false for data order. Default true. */
  readonly shuffle?: boolean;
  /** Images of one identity that follow each other in a random order, as triplet losses need them. Default 1: none do. */
  readonly imagesTogether?: number;
  /** Default: mirror with a chance of one half, nothing else. */
  readonly augmentation?: AugmentationOptions;
  /** Batches that may be prepared ahead of the one being consumed, at least 1: what bounds the memory. Default 2. */
  readonly batchesAhead?: number;
  /**
   * Images that are read and decoded at once. Default: all that may be prepared ahead, since a step that blocks the
   * thread keeps others from being started.
   */
  readonly concurrency?: number;
  /**
   * Shares every batch out among these ranks, each of which makes the same loader: rank r reads every size-th image of an epoch's
   * order from the r-th on. A batch has the same images as without ranks, in another order.
   */
  readonly communicator?: Communicator | undefined;
  /** Called once for every image that cannot be decoded, when its batch comes up. */
  readonly onUndecodable?: ((image: UndecodableImage) => void) | undefined;
}

export class DataLoader {
  readonly options: DataLoaderOptions;
  /** Full batches in an epoch, if every image can be decoded. */
  readonly batchesPerEpoch: number;
  readonly #undecodable = new Map<number, UndecodableImage>();

  /**
   * @throws {TrainingError} `invalid-dataset` for an empty dataset, `batch-too-large` for one with fewer images than a
   *   batch takes, `invalid-option` for a batch size or an augmentation out of range
   */
  constructor(options: DataLoaderOptions) {
    const { dataset, batchSize } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new TrainingError(
        'invalid-option',
        `batchSize must be a whole number of at least 1, got ${batchSize}.`,
      );
    }
    checkReadingAhead(options);
    checkAugmentation(options.augmentation ?? {});
    checkRecompression(options.augmentation ?? {}, options.decoder.recompress);
    if (dataset.length === 0) throw new TrainingError('invalid-dataset', 'The dataset has no image.');
    if (dataset.length < batchSize) {
      throw new TrainingError(
        'batch-too-large',
        `A batch takes ${batchSize} images, but the dataset has ${dataset.length}; use a batch size of at most that.`,
      );
    }
    this.options = options;
    this.batchesPerEpoch = Math.floor(dataset.length / batchSize);
  }

  /** Images that were skipped so far because they cannot be decoded, in the order in which they came up. */
  get undecodable(): readonly UndecodableImage[] {
    return [...this.#undecodable.values()];
  }

  /**
   * The batches from a place in the run on.
   *
   * @param from where to start, with the number of the batch there; default the first image of epoch 0
   * @param options.epochs the epoch to stop before; default none: the consumer decides when to stop
   * @param options.signal aborts reading ahead; the generator throws the signal's reason
   */
  async *batches(
    from: DataPosition & { readonly index?: number } = { epoch: 0, position: 0 },
    options: { readonly epochs?: number; readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<Batch, void, undefined> {
    const { dataset, batchSize, batchesAhead = 2, concurrency = Number.POSITIVE_INFINITY } = this.options;
    const order = this.#orders();
    const images = prefetch((turn) => this.#prepare(turn, order, options.signal), {
      from: from.epoch * dataset.length + from.position,
      to: options.epochs === undefined ? Number.POSITIVE_INFINITY : options.epochs * dataset.length,
      ahead: batchesAhead * batchSize,
      concurrency,
    });
    let pending: PreparedImage[] = [];
    let { epoch } = from;
    let index = from.index ?? 0;
    let sawWholeEpoch = from.position === 0;
    for await (const image of images) {
      if (image.epoch !== epoch) {
        pending = this.#decodable(pending);
        if (sawWholeEpoch && index === 0) this.#refuse(pending.length);
        // What is left of an epoch is dropped.
        pending = [];
        epoch = image.epoch;
        index = 0;
        sawWholeEpoch = true;
      }
      // With ranks, it takes all of them to know which of a batch can be decoded.
      if (!image.pixels && !this.options.communicator) this.#skip(image);
      else pending.push(image);
      if (pending.length < batchSize) continue;
      pending = this.#decodable(pending);
      if (pending.length < batchSize) continue;
      // The step that follows may block the thread; what has been read must be on its way to the decoder before.
      await eventLoopTurn();
      yield this.#pack(pending, { epoch, index, next: { epoch, position: image.turn + 1 } });
      pending = [];
      index++;
    }
    pending = this.#decodable(pending);
    if (sawWholeEpoch && index === 0 && epoch < (options.epochs ?? 0)) this.#refuse(pending.length);
  }

  /** Orders of the epochs that are being read: the current one and, while reading ahead, the next. */
  #orders(): (epoch: number) => ArrayLike<number> | undefined {
    const { dataset, seed = 0, shuffle = true, imagesTogether = 1 } = this.options;
    const cached = new Map<number, Uint32Array>();
    return (epoch) => {
      if (!shuffle) return undefined;
      let order = cached.get(epoch);
      if (order === undefined) {
        order =
          imagesTogether === 1
            ? shuffledOrder(dataset.length, { seed, epoch })
            : groupedOrder(dataset.labels, { seed, epoch, imagesTogether });
        cached.set(epoch, order);
        cached.delete(epoch - 2);
      }
      return order;
    };
  }

  async #prepare(
    sequence: number,
    order: (epoch: number) => ArrayLike<number> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<PreparedImage> {
    const { dataset, seed = 0, augmentation: options = {} } = this.options;
    const epoch = Math.floor(sequence / dataset.length);
    const turn = sequence % dataset.length;
    const position = order(epoch)?.[turn] ?? turn;
    if (this.#owner(turn) !== (this.options.communicator?.rank ?? 0)) {
      const [key, label] = [dataset.key(position), dataset.labels[position]!];
      return { key, label, position, pixels: undefined, reason: undefined, epoch, turn };
    }
    const random = Random.of(seed, 'augmentation', epoch, turn).state;
    const image = await decodeImage(this.options, position, { signal, augmentation: { options, random } });
    return { ...image, epoch, turn };
  }

  /** The rank that reads an image. */
  #owner(turn: number): number {
    return turn % (this.options.communicator?.size ?? 1);
  }

  /** Those of the images that can be decoded, as far as it takes all ranks to know; the others are skipped. */
  #decodable(images: PreparedImage[]): PreparedImage[] {
    const { communicator } = this.options;
    const own = images.filter(
      ({ turn, pixels }) => !pixels && this.#owner(turn) === (communicator?.rank ?? 0),
    );
    const turns = Int32Array.from(own, ({ turn }) => turn);
    const undecodable = new Set(
      communicator ? communicator.allGather(turns).flatMap((of) => [...of]) : turns,
    );
    if (undecodable.size === 0) return images;
    for (const image of images) if (undecodable.has(image.turn)) this.#skip(image);
    return images.filter(({ turn }) => !undecodable.has(turn));
  }

  #skip({ key, position, turn, reason = `rank ${this.#owner(turn)} cannot decode it` }: PreparedImage): void {
    if (this.#undecodable.has(position)) return;
    const image = { key, position, reason };
    this.#undecodable.set(position, image);
    this.options.onUndecodable?.(image);
  }

  #refuse(decodable: number): never {
    const { batchSize, dataset } = this.options;
    const keys = this.undecodable.map((image) => image.key);
    const [first] = this.undecodable;
    const example = `for example ${first?.key}: ${first?.reason}`;
    if (decodable === 0) {
      const message = `None of the ${dataset.length} images can be decoded, ${example}`;
      throw new TrainingError('nothing-decodable', message, { keys });
    }
    throw new TrainingError(
      'batch-too-large',
      `A batch takes ${batchSize} images, but only ${decodable} of ${dataset.length} can be decoded (${example}); use a batch size of at most that.`,
      { keys },
    );
  }

  #pack(images: readonly PreparedImage[], place: Pick<Batch, 'epoch' | 'index' | 'next'>): Batch {
    const { dataset, size, communicator } = this.options;
    // The images of each rank together, in the order of ranks.
    const ordered = communicator
      ? images.toSorted((a, b) => this.#owner(a.turn) - this.#owner(b.turn) || a.turn - b.turn)
      : images;
    const rank = communicator?.rank ?? 0;
    const own = ordered.filter(({ turn }) => this.#owner(turn) === rank);
    if (own.length === 0) {
      throw new TrainingError(
        'batch-too-large',
        `Rank ${rank} has no image in batch ${place.index} of epoch ${place.epoch}: what would have been its own cannot be decoded. Take fewer ranks or a larger batch.`,
      );
    }
    const bytes = size.height * size.width * 3;
    const packed = new Uint8Array(own.length * bytes);
    own.forEach((image, i) => {
      packed.set(image.pixels!, i * bytes);
    });
    const share = { begin: own.length > 0 ? ordered.indexOf(own[0]!) : 0, count: own.length };
    return {
      images: packed,
      labels: Int32Array.from(ordered, (image) => dataset.labels[image.position]!),
      keys: ordered.map((image) => image.key),
      positions: Int32Array.from(ordered, (image) => image.position),
      ...(communicator ? { share } : {}),
      ...place,
    };
  }
}

interface PreparedImage extends DecodedImage {
  readonly epoch: number;
  /** The image's place in the order of its epoch. */
  readonly turn: number;
}

/** With less than one at once nothing would ever be read. @throws {TrainingError} `invalid-option` */
function checkReadingAhead({ batchesAhead = 2, concurrency = 1 }: DataLoaderOptions): void {
  const check = (name: string, value: number, isValid: boolean, expected: string): void => {
    if (!isValid) throw new TrainingError('invalid-option', `${name} must be ${expected}, got ${value}.`);
  };
  check('concurrency', concurrency, concurrency >= 1, 'at least 1');
  const isCount = Number.isSafeInteger(batchesAhead) && batchesAhead >= 1;
  check('batchesAhead', batchesAhead, isCount, 'a whole number of at least 1');
}

/**
 * Writing a face dataset as records, in either layout, byte for byte as the reference's two builders do:
 * `insightface` as its `RecBuilder` (keys from 1, identity records, the header record last in the file but with key 0),
 * `flat` as its `SeqRecBuilder` (keys from 0, nothing but images; what drop.py writes).
 */
import type { ReadOptions } from './byte-source.ts';
import { serializeProperty } from './dataset-property.ts';
import { RecordIOError } from './errors.ts';
import { checkedLabel } from './identities.ts';
import { encodeImageRecord, MAX_EXACT_LABEL } from './image-record.ts';
import type { RecordLayout } from './record-dataset.ts';
import { RecordWriter } from './record-writer.ts';

/** An image to be written. */
export interface LabelledImage {
  /** Identity, a whole number from 0 to 2^24. */
  readonly label: number;
  /** The encoded image, stored as it is. */
  readonly bytes: Uint8Array;
}

/** Options of {@link writeFaceRecords}. */
export interface FaceRecordsOptions extends ReadOptions {
  /** In the InsightFace layout the images of an identity must come one after another. */
  readonly images: AsyncIterable<LabelledImage> | Iterable<LabelledImage>;
  /** Where the `.rec` goes. */
  readonly records: WritableStream<Uint8Array>;
  /** Where the `.idx` goes. */
  readonly index: WritableStream<Uint8Array>;
  readonly layout: RecordLayout;
  /** Image size in pixels for the `property` file. Default 112 x 112. */
  readonly property?: { readonly height: number; readonly width: number } | undefined;
  /** Called after every image. */
  readonly onProgress?: ((images: number, bytes: number) => void) | undefined;
}

/** What was written. */
export interface FaceRecordsSummary {
  /** Records in the file, header and identity records included. */
  readonly records: number;
  readonly images: number;
  /** Different labels. */
  readonly identities: number;
  /** Size of the `.rec`. */
  readonly bytes: number;
  /** Text of the `property` file: the classes there are the largest label + 1. */
  readonly property: string;
}

/**
 * Writes records and index as images come in. Memory does not grow with the number of images, but for the index of
 * identities (InsightFace layout) or the set of labels (flat).
 *
 * On any error both streams are aborted and the error is thrown.
 *
 * @throws RecordIOError `bad-label`, `label-not-contiguous`, `empty-dataset`, `record-too-large`, or what a stream throws
 */
export async function writeFaceRecords(options: FaceRecordsOptions): Promise<FaceRecordsSummary> {
  const { images, layout, property = { height: 112, width: 112 }, onProgress, signal } = options;
  const builder = new FaceRecordBuilder(options.records, options.index, layout);
  try {
    for await (const image of images) {
      signal?.throwIfAborted();
      await builder.add(image);
      onProgress?.(builder.images, builder.bytes);
    }
    await builder.finish();
  } catch (error) {
    await builder.abort(error);
    throw error;
  }
  return {
    records: builder.records,
    images: builder.images,
    identities: builder.identities,
    bytes: builder.bytes,
    property: serializeProperty({ ...property, classes: builder.largestLabel + 1 }),
  };
}

/** The state of a dataset half written. */
class FaceRecordBuilder {
  records = 0;
  images = 0;
  largestLabel = -1;
  readonly #layout: RecordLayout;
  readonly #records: RecordWriter;
  readonly #index: IndexWriter;
  readonly #labels = new Set<number>();
  /** First image key of every identity, in order of appearance (InsightFace layout). */
  readonly #firstKeys: number[] = [];
  #label = -1;

  constructor(records: WritableStream<Uint8Array>, index: WritableStream<Uint8Array>, layout: RecordLayout) {
    this.#records = new RecordWriter(records);
    this.#index = new IndexWriter(index);
    this.#layout = layout;
  }

  get identities(): number {
    return this.#labels.size;
  }

  get bytes(): number {
    return this.#records.offset;
  }

  async add({ label, bytes }: LabelledImage): Promise<void> {
    const key = this.#layout === 'flat' ? this.images : this.images + 1;
    checkedLabel(label, { key });
    if (label > MAX_EXACT_LABEL) {
      throw new RecordIOError(
        'bad-label',
        `Image ${key} has label ${label}: labels past 2^24 are not exact in a record`,
        {
          key,
        },
      );
    }
    if (label !== this.#label) {
      this.#startIdentity(label, key);
    }
    this.images++;
    this.#refuseTooManyKeys();
    this.largestLabel = Math.max(this.largestLabel, label);
    await this.#write(key, encodeImageRecord({ label, id: key, content: bytes }));
  }

  #startIdentity(label: number, key: number): void {
    if (this.#layout === 'insightface' && this.#labels.has(label)) {
      throw new RecordIOError(
        'label-not-contiguous',
        `Image ${key} has label ${label} again after other labels: the InsightFace layout needs the images of an identity together; put them together (groupByIdentity), or use the flat layout`,
        { key },
      );
    }
    this.#label = label;
    this.#labels.add(label);
    if (this.#layout === 'insightface') {
      this.#firstKeys.push(key);
    }
  }

  /** With the image that makes them too many, not with the identity records hours later. */
  #refuseTooManyKeys(): void {
    if (this.#layout === 'insightface' && this.images + 1 + this.#firstKeys.length > MAX_EXACT_LABEL) {
      throw new RecordIOError(
        'bad-identity-range',
        `The InsightFace layout stores keys as float32, exact up to 2^24 only; from image ${this.images} on it takes the flat layout`,
        { key: this.images },
      );
    }
  }

  async finish(): Promise<void> {
    if (this.images === 0) {
      throw new RecordIOError('empty-dataset', 'There is no image to write');
    }
    if (this.#layout === 'insightface') {
      await this.#writeIdentities();
    }
    await this.#records.close();
    await this.#index.close();
  }

  async #writeIdentities(): Promise<void> {
    const firstIdentity = this.images + 1;
    const end = firstIdentity + this.#firstKeys.length;
    for (const [position, first] of this.#firstKeys.entries()) {
      const key = firstIdentity + position;
      const label = [first, this.#firstKeys[position + 1] ?? firstIdentity];
      await this.#write(key, encodeImageRecord({ label, id: key }));
    }
    await this.#write(0, encodeImageRecord({ label: [firstIdentity, end], id: 0, id2: 1 }));
  }

  async #write(key: number, payload: Uint8Array): Promise<void> {
    const offset = this.#records.write(payload);
    await this.#index.write(key, typeof offset === 'number' ? offset : await offset);
    this.records++;
  }

  async abort(reason: unknown): Promise<void> {
    await this.#records.abort(reason);
    await this.#index.abort(reason);
  }
}

/** Writes `.idx` lines as they become known. */
class IndexWriter {
  #lines = '';
  readonly #encoder = new TextEncoder();
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
    this.#writer.closed.catch(() => {});
  }

  write(key: number, offset: number): void | Promise<void> {
    this.#lines += `${key}\t${offset}\n`;
    if (this.#lines.length > 1 << 16) {
      return this.#flush();
    }
  }

  async close(): Promise<void> {
    await this.#flush();
    await this.#writer.close();
  }

  async abort(reason: unknown): Promise<void> {
    await this.#writer.abort(reason).catch(() => {});
  }

  async #flush(): Promise<void> {
    const bytes = this.#encoder.encode(this.#lines);
    this.#lines = '';
    if (bytes.length > 0) {
      await this.#writer.write(bytes);
    }
  }
}

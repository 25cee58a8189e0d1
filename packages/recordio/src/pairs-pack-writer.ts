/**
 * Writing verification packs: the pickle that CPython writes for `(list of bytes, list of bool)` with protocol 4, byte
 * for byte, frames included, so that InsightFace's own loaders (Python 3.4 or later) read it.
 */
import type { PairsPack } from './pairs-pack.ts';

/** CPython ends a frame once it has this many bytes, and writes byte strings as large as this outside of frames. */
const FRAME_TARGET_BYTES = 1 << 16;
/** Frames smaller than this are not worth a frame header. */
const SMALLEST_FRAME_BYTES = 4;
/** CPython appends to a list in batches. */
const BATCH = 1000;

const OP = {
  protocol: 0x80,
  frame: 0x95,
  emptyList: 0x5d,
  memoize: 0x94,
  mark: 0x28,
  append: 0x61,
  appends: 0x65,
  shortBytes: 0x43,
  bytes: 0x42,
  true: 0x88,
  false: 0x89,
  tuple2: 0x86,
  stop: 0x2e,
} as const;

/**
 * Writes a verification pack and closes the stream. On any error the stream is aborted.
 *
 * @throws RangeError if there are not two images a pair, or an image has 4 GiB or more
 */
export async function writePairsPack(pack: PairsPack, stream: WritableStream<Uint8Array>): Promise<void> {
  const writer = stream.getWriter();
  writer.closed.catch(() => {});
  try {
    for (const chunk of encodePairsPack(pack)) {
      await writer.ready;
      await writer.write(chunk);
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}

/** As {@link writePairsPack}, in chunks that together are the file. Images are copied chunk by chunk. */
export function* encodePairsPack({ images, isSame }: PairsPack): Generator<Uint8Array> {
  if (images.length !== 2 * isSame.length) {
    throw new RangeError(
      `A pack needs two images a pair: ${images.length} images for ${isSame.length} pairs`,
    );
  }
  const frames = new FramedOpcodes();
  yield Uint8Array.of(OP.protocol, 4);
  yield* encodeList(frames, images, (image) => frames.byteString(image));
  yield* encodeList(frames, isSame, function* (same) {
    frames.opcode(same ? OP.true : OP.false);
    yield* frames.boundary();
  });
  frames.opcode(OP.tuple2, OP.memoize);
  yield* frames.boundary();
  frames.opcode(OP.stop);
  yield* frames.end();
}

function* encodeList<T>(
  frames: FramedOpcodes,
  items: readonly T[],
  encodeItem: (item: T) => Iterable<Uint8Array>,
): Generator<Uint8Array> {
  frames.opcode(OP.emptyList, OP.memoize);
  for (let start = 0; start < items.length; start += BATCH) {
    const batch = items.slice(start, start + BATCH);
    // A list of one item is appended to in the short way; what is left over after a batch of 1000 is not.
    const single = items.length === 1;
    if (!single) {
      frames.opcode(OP.mark);
    }
    for (const item of batch) {
      yield* encodeItem(item);
    }
    frames.opcode(single ? OP.append : OP.appends);
  }
  yield* frames.boundary();
}

/** Opcodes gathered into frames. */
class FramedOpcodes {
  #parts: Uint8Array[] = [];
  #length = 0;

  opcode(...bytes: number[]): void {
    this.#add(Uint8Array.from(bytes));
  }

  *byteString(bytes: Uint8Array): Generator<Uint8Array> {
    if (bytes.length >= 2 ** 32) {
      throw new RangeError(`An image in a pack must have less than 4 GiB, not ${bytes.length} bytes`);
    }
    const header = bytes.length < 256 ? Uint8Array.of(OP.shortBytes, bytes.length) : new Uint8Array(5);
    if (bytes.length >= 256) {
      header[0] = OP.bytes;
      new DataView(header.buffer).setUint32(1, bytes.length, true);
    }
    if (bytes.length >= FRAME_TARGET_BYTES) {
      yield* this.end();
      yield header;
      yield bytes;
    } else {
      this.#add(header);
      this.#add(bytes);
    }
    this.opcode(OP.memoize);
    yield* this.boundary();
  }

  /** Between two values: a frame that is large enough ends here. */
  *boundary(): Generator<Uint8Array> {
    if (this.#length >= FRAME_TARGET_BYTES) {
      yield* this.end();
    }
  }

  *end(): Generator<Uint8Array> {
    const header = this.#length < SMALLEST_FRAME_BYTES ? 0 : 9;
    const frame = new Uint8Array(header + this.#length);
    if (header > 0) {
      frame[0] = OP.frame;
      new DataView(frame.buffer).setBigUint64(1, BigInt(this.#length), true);
    }
    let at = header;
    for (const part of this.#parts) {
      frame.set(part, at);
      at += part.length;
    }
    this.#parts = [];
    this.#length = 0;
    if (frame.length > 0) {
      yield frame;
    }
  }

  #add(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }
}

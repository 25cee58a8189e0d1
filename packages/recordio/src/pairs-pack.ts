/**
 * Verification packs (`lfw.bin`, `cfp_fp.bin`, ...): a pickle of (encoded images, is-same flags), where pair i is the
 * images 2i and 2i + 1.
 */
import type { ByteSource, ReadOptions } from './byte-source.ts';
import { RecordIOError } from './errors.ts';
import { isBoolean } from './pickle-constructors.ts';
import { readPickle } from './pickle-reader.ts';
import { isKind, type PickleValue } from './pickle-value.ts';

/** Pairs of images to verify with. */
export interface PairsPack {
  /** Encoded images, two a pair: pair i is `images[2 * i]` and `images[2 * i + 1]`. */
  readonly images: readonly Uint8Array[];
  /** Whether both images of a pair show the same person. */
  readonly isSame: readonly boolean[];
}

/**
 * Reads a verification pack, whichever Python wrote it (pickle protocols 0 to 5; byte strings, Python 2 strings or
 * numpy arrays). The whole file is read; images are views of it where the protocol stores plain bytes.
 *
 * @throws RecordIOError `pickle-...` if it is not such a pickle (nothing in it is ever run), `pack-malformed` if it is
 *   one of something else, or the numbers of images and flags do not fit
 */
export async function readPairsPack(source: ByteSource, options: ReadOptions = {}): Promise<PairsPack> {
  const pickle = readPickle(await source.read(0, source.byteLength, options));
  if (!isKind(pickle, 'tuple', 'list') || pickle.items.length !== 2) {
    throw new RecordIOError('pack-malformed', 'A verification pack must be a pair (images, is-same flags)', {
      offset: 0,
    });
  }
  const images = imagesOf(pickle.items[0]!);
  const isSame = flagsOf(pickle.items[1]!);
  if (images.length !== 2 * isSame.length) {
    throw new RecordIOError(
      'pack-malformed',
      `A verification pack must have two images a pair: found ${images.length} images and ${isSame.length} flags`,
      { offset: 0 },
    );
  }
  return { images, isSame };
}

function imagesOf(value: PickleValue): Uint8Array[] {
  if (!isKind(value, 'list', 'tuple')) {
    throw new RecordIOError('pack-malformed', 'The images of a verification pack must be a list', {
      offset: 0,
    });
  }
  return value.items.map((item, i) => {
    if (item instanceof Uint8Array) {
      return item;
    }
    if (isKind(item, 'text')) {
      return item.latin1();
    }
    if (isKind(item, 'array') && !isBoolean(item.type)) {
      return item.bytes;
    }
    throw new RecordIOError('pack-malformed', `Image ${i} of the verification pack is not bytes`, {
      offset: 0,
      key: i,
    });
  });
}

function flagsOf(value: PickleValue): boolean[] {
  if (isKind(value, 'array')) {
    return Array.from(value.bytes, (byte) => byte !== 0);
  }
  if (!isKind(value, 'list', 'tuple')) {
    throw new RecordIOError('pack-malformed', 'The is-same flags of a verification pack must be a list', {
      offset: 0,
    });
  }
  return value.items.map((item, i) => {
    if (typeof item === 'boolean' || item === 0 || item === 1) {
      return Boolean(item);
    }
    throw new RecordIOError('pack-malformed', `Flag ${i} of the verification pack is not a boolean`, {
      offset: 0,
      key: i,
    });
  });
}

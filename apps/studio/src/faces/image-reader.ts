/** Reads the bytes of single images by key, from wherever they are. */
import {
  type ByteSource,
  keysFromIds,
  parseImageRecord,
  parseIndex,
  readRecord,
  scanRecordTable,
} from '@arcface/recordio';
import { blobSource } from '@arcface/recordio/blob';
import { openHttpSource } from '@arcface/recordio/http';
import { type FaceSource, type RecordFiles, servedImage } from './face-source.ts';

/** Gives the encoded image with a key. */
export type ImageReader = (key: number | string, signal?: AbortSignal) => Promise<Blob>;

export async function openImageReader(source: FaceSource): Promise<ImageReader> {
  switch (source.kind) {
    case 'records':
      return recordReader(source);
    case 'files':
      return async (key) => {
        const file = source.files.get(String(key));
        if (file === undefined) throw new Error(`there is no file ${key}`);
        return file;
      };
    case 'served':
      return async (key, signal) => {
        const response = await fetch(servedImage(source, key), { signal: signal ?? null });
        if (!response.ok) throw new Error(`${key}: status ${response.status}`);
        return response.blob();
      };
  }
}

/** A file or an address as a source of bytes. */
export async function byteSource(place: Blob | string): Promise<ByteSource> {
  return typeof place === 'string' ? openHttpSource(place) : blobSource(place);
}

async function recordReader({ records, index }: RecordFiles): Promise<ImageReader> {
  const source = await byteSource(records);
  const offsetOf = await recordOffsets(source, index === undefined ? undefined : await byteSource(index));
  return async (key, signal) => {
    const offset = offsetOf.get(Number(key));
    if (offset === undefined) throw new Error(`there is no record ${key}`);
    const { payload } = await readRecord(source, offset, { signal });
    const { content } = parseImageRecord(payload, { offset, key: Number(key) });
    return new Blob([content as Uint8Array<ArrayBuffer>]);
  };
}

/** Byte offsets by key: from the index, or without one by walking through the file. */
async function recordOffsets(
  records: ByteSource,
  index: ByteSource | undefined,
): Promise<ReadonlyMap<number, number>> {
  if (index !== undefined) {
    const { keys, offsets } = parseIndex(await index.read(0, index.byteLength));
    return new Map(Array.from(keys, (key, row) => [key, offsets[row]!]));
  }
  const table = await scanRecordTable(records);
  const keys = keysFromIds(table);
  return new Map(Array.from(keys, (key, row) => [key, table.offsets[row]!]));
}

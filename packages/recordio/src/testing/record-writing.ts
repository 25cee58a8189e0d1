import { RecordWriter } from '../record-writer.ts';
import { collectingStream } from './collecting-stream.ts';

/** Writes payloads as a record file into memory. */
export async function writeRecords(
  payloads: Iterable<Uint8Array>,
  chunkBytes?: number,
): Promise<{ bytes: Uint8Array; offsets: number[] }> {
  const { stream, bytes } = collectingStream();
  const writer = new RecordWriter(stream, { chunkBytes });
  const offsets: number[] = [];
  for (const payload of payloads) {
    offsets.push(await writer.write(payload));
  }
  await writer.close();
  return { bytes: bytes(), offsets };
}

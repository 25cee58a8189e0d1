/** A large `.rec` to measure with: image records of a given size, incompressible content. */
import { randomFillSync } from 'node:crypto';
import { encodeImageRecord, RecordWriter } from '../src/index.ts';
import { openFileSink } from '../src/node/index.ts';

/** Writes the file and its index; gives the seconds that took, without the making of the content. */
export async function writeSyntheticRecords(
  path: string,
  fileBytes: number,
  recordBytes: number,
): Promise<number> {
  // 8 bytes of frame and 24 of header; a few different contents, made beforehand.
  const contents = Array.from({ length: 16 }, () => randomFillSync(new Uint8Array(recordBytes - 32)));
  const started = performance.now();
  const writer = new RecordWriter(await openFileSink(path));
  for (let id = 0; writer.offset + recordBytes <= fileBytes; id++) {
    const payload = encodeImageRecord({ label: id % 1000, id, content: contents[id % contents.length] });
    const offset = writer.write(payload);
    if (typeof offset !== 'number') {
      await offset;
    }
  }
  await writer.close();
  return (performance.now() - started) / 1000;
}

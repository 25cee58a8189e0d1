/** Every record of a file with its key and header, one after another: what a listing is made of. */
import type { ByteSource, ReadOptions } from './byte-source.ts';
import { type ImageRecord, parseImageRecord } from './image-record.ts';
import { readIndexLines } from './index-lines.ts';
import type { RawRecord } from './record-frame.ts';
import { scanRecordBlocks } from './record-reader.ts';
import { surveyRecords } from './record-survey.ts';

/** Options of {@link listRecords}. */
export interface ListRecordsOptions extends ReadOptions {
  readonly records: ByteSource;
  /** The `.idx`. Without one keys are ids or places; see `RecordsSurvey`. */
  readonly index?: ByteSource | undefined;
  /** Takes no image header apart, for records that have none. Default false. */
  readonly raw?: boolean | undefined;
  /** Called now and then with the number of bytes behind and in total. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined;
}

/** A record, where it is, and what is in it. */
export interface ListedRecord extends RawRecord {
  /** Nothing if there is an index that does not have the record. */
  readonly key: number | undefined;
  /** The payload taken apart, unless `raw`. */
  readonly image: ImageRecord | undefined;
}

/**
 * Lists records in the order of the file. A payload is good until the next record is asked for.
 *
 * @throws RecordIOError at the first fault, after the records before it
 */
export async function* listRecords(options: ListRecordsOptions): AsyncGenerator<ListedRecord, void> {
  const { records, raw = false, signal, onProgress } = options;
  const keyOf = await keysByOffset(options);
  let row = 0;
  for await (const block of scanRecordBlocks(records, { signal })) {
    for (const record of block) {
      const { offset, payload } = record;
      const key = keyOf(offset, row++);
      const image = raw
        ? undefined
        : parseImageRecord(payload, key === undefined ? { offset } : { offset, key });
      yield { ...record, key, image };
    }
    onProgress?.(block.at(-1)!.end, records.byteLength);
  }
}

async function keysByOffset(
  options: ListRecordsOptions,
): Promise<(offset: number, row: number) => number | undefined> {
  const { records, index, signal } = options;
  const lines = await readIndexLines(index, { signal }, (fault) => {
    throw fault;
  });
  if (lines !== undefined) {
    return (offset) => lines.keyAt(offset);
  }
  const { keys } = await surveyRecords({ records, layout: 'flat', signal });
  return (_, row) => keys[row];
}

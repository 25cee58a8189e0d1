/** What a `.rec` holds as a whole, whatever it is: found by one walk over the records' headers, without the images. */
import type { ByteSource, ReadOptions } from './byte-source.ts';
import { isRecordIOError } from './errors.ts';
import { readIndexLines } from './index-lines.ts';
import { arrangeIdentities, isInsightFace, keysFromIds, type RecordLayout } from './record-dataset.ts';
import { type RecordTable, scanRecordOffsets, scanRecordTable } from './record-table.ts';

/** Options of {@link surveyRecords}. */
export interface SurveyOptions extends ReadOptions {
  readonly records: ByteSource;
  /** The `.idx`, for the keys only: every record of the file counts, whether the index has it or not. */
  readonly index?: ByteSource | undefined;
  /** Default `'auto'`: InsightFace if record 0 is a header record, else flat, or raw if not all are image records. */
  readonly layout?: RecordLayout | 'auto' | undefined;
  /** Called now and then with the number of bytes behind and in total. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined;
}

/** What {@link surveyRecords} found. */
export interface RecordsSurvey {
  /** `raw`: some records have no image header, so nothing is known of images and identities. */
  readonly layout: RecordLayout | 'raw';
  /** Byte offsets of all records, ascending. */
  readonly offsets: Float64Array;
  /** Keys of the records, in the order of the offsets; NaN for one that the index does not have. */
  readonly keys: Float64Array;
  /**
   * Where the keys come from: the index; the ids in the records' headers; or the records' places in the file, if these
   * ids are not distinct whole numbers below 2^53 or some records have no header.
   */
  readonly keysFrom: 'index' | 'ids' | 'places';
  /** Rows of `offsets` and `keys` that are images, in the order of the file (InsightFace layout: of their keys). */
  readonly images: Int32Array;
  /** First labels of the images, which need not be whole numbers. */
  readonly labels: Float32Array;
  /** Identity records (InsightFace layout), or different labels (flat). */
  readonly identities: number;
}

/**
 * Walks through a record file.
 *
 * @throws RecordIOError at the first damaged record, for an index that cannot be read, or if records that are arranged
 *   in the InsightFace layout contradict each other (layout `flat` goes by the images' own labels then)
 */
export async function surveyRecords(options: SurveyOptions): Promise<RecordsSurvey> {
  const { records, layout = 'auto' } = options;
  const table = await scanTable(options);
  const offsets = table === undefined ? await scanRecordOffsets(records, options) : table.offsets;
  const { keys, keysFrom } = await findKeys(options, table, offsets);
  if (table === undefined) {
    const none = { images: new Int32Array(0), labels: new Float32Array(0), identities: 0 };
    return { layout: 'raw', offsets, keys, keysFrom, ...none };
  }
  if (layout === 'insightface' || (layout === 'auto' && isInsightFace(table, keys))) {
    const { rows, identities } = arrangeIdentities(table, keys);
    const labels = Float32Array.from(rows, (row) => table.labels[row]!);
    const found = { images: rows, labels, identities: identities.length };
    return { layout: 'insightface', offsets, keys, keysFrom, ...found };
  }
  const images = Int32Array.from(offsets.keys()).filter((row) => table.contentLengths[row]! > 0);
  const labels = Float32Array.from(images, (row) => table.labels[row]!);
  return { layout: 'flat', offsets, keys, keysFrom, images, labels, identities: new Set(labels).size };
}

/** The headers, or nothing if a record has none. */
async function scanTable({ records, signal, onProgress }: SurveyOptions): Promise<RecordTable | undefined> {
  try {
    return await scanRecordTable(records, { signal, onProgress });
  } catch (error) {
    if (isRecordIOError(error, 'bad-image-header')) {
      return undefined;
    }
    throw error;
  }
}

async function findKeys(
  options: SurveyOptions,
  table: RecordTable | undefined,
  offsets: Float64Array,
): Promise<Pick<RecordsSurvey, 'keys' | 'keysFrom'>> {
  const lines = await readIndexLines(options.index, options, (fault) => {
    throw fault;
  });
  if (lines !== undefined) {
    return { keys: offsets.map((offset) => lines.keyAt(offset) ?? Number.NaN), keysFrom: 'index' };
  }
  const fromIds = table === undefined ? undefined : keysFromIds(table);
  // Where ids cannot be keys, `keysFromIds` has places; where the ids are the places, the two are the same.
  const areIds = fromIds?.every((key, row) => BigInt(key) === table!.ids[row]) === true;
  return { keys: fromIds ?? offsets.map((_, row) => row), keysFrom: areIds ? 'ids' : 'places' };
}

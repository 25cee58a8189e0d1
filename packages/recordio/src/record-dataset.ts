/**
 * A `.rec` file as a {@link FaceDataset}, in either of its two layouts:
 *
 * - *InsightFace*: the record with key 0 is a header whose labels are [first identity key, last + 1); images have the
 *   keys 1 to first - 1; each identity record has labels [first image key, last + 1) and no content. The header may
 *   stand anywhere in the file. An identity's position is its place among the identity records: labels may have gaps.
 * - *flat*: every record with content is an image, in the order of the index (or of the file). Identities are the
 *   labels that occur, ascending.
 *
 * Labels are those in the images' own headers (the first one, if there are several); all headers are read at opening.
 */
import type { ByteSource, ReadOptions } from './byte-source.ts';
import { RecordIOError } from './errors.ts';
import { checkedPosition, type FaceDataset, type FaceIdentity } from './face-dataset.ts';
import { checkedLabel, type IdentityNames, identitiesFromLabels } from './identities.ts';
import { MAX_EXACT_LABEL, parseImageRecord } from './image-record.ts';
import { type KeyLookup, keyLookup, parseIndex, sortedRows } from './record-index.ts';
import { readRecord } from './record-reader.ts';
import { type RecordTable, scanRecordTable } from './record-table.ts';

/** How records of a face dataset are arranged. */
export type RecordLayout = 'insightface' | 'flat';

/** Options of {@link openRecordDataset}. */
export interface RecordDatasetOptions extends ReadOptions {
  /** The `.rec`. */
  readonly records: ByteSource;
  /** The `.idx`. Without one the records are found by walking through the file, and their ids are their keys. */
  readonly index?: ByteSource | undefined;
  /** Default `'auto'`: InsightFace if record 0 is a header record with keys that are exact, else flat. */
  readonly layout?: RecordLayout | 'auto' | undefined;
  /** Names of the identities by label. */
  readonly identityNames?: IdentityNames | undefined;
  /** Called when the dataset is closed, to release the sources. */
  readonly onClose?: (() => Promise<void>) | undefined;
}

/** A {@link FaceDataset} over a `.rec`. */
export interface RecordDataset extends FaceDataset {
  readonly layout: RecordLayout;
  /** Byte offset in the `.rec` of the image at a position. */
  offset(position: number): number;
}

/** Rows of the table that are images, in data order, with what goes with them. */
export interface Arrangement {
  readonly layout: RecordLayout;
  readonly rows: Int32Array;
  readonly labels: Int32Array;
  readonly identities: readonly FaceIdentity[];
}

/**
 * Opens a `.rec` as a face dataset. Reads the index and every record's header, no image.
 *
 * @throws RecordIOError if the index does not fit the file, a header is damaged, or there is no image in it
 */
export async function openRecordDataset(options: RecordDatasetOptions): Promise<RecordDataset> {
  const { records, layout = 'auto', identityNames, onClose } = options;
  const { table, keys, order } = await readTable(options);
  const arrangement = arrange(table, keys, order, layout, identityNames);
  const { rows, labels, identities } = arrangement;
  if (rows.length === 0) {
    throw new RecordIOError('empty-dataset', 'There is no image in the record file', { offset: 0 });
  }
  let closed = false;
  const rowOf = (position: number): number => rows[checkedPosition(position, rows.length)]!;
  return {
    layout: arrangement.layout,
    length: rows.length,
    labels,
    identities,
    key: (position) => keys[rowOf(position)]!,
    offset: (position) => table.offsets[rowOf(position)]!,
    async read(position, readOptions) {
      const row = rowOf(position);
      if (closed) {
        throw new RecordIOError('closed', 'The dataset was closed');
      }
      const offset = table.offsets[row]!;
      const key = keys[row]!;
      const { payload } = await readRecord(records, offset, {
        ...readOptions,
        expectedBytes: table.spans[row]!,
      });
      const { content } = parseImageRecord(payload, { offset, key });
      return { key, label: labels[position]!, bytes: content };
    },
    async close() {
      if (!closed) {
        closed = true;
        await onClose?.();
      }
    },
  };
}

interface KeyedTable {
  /** Records in file order. */
  readonly table: RecordTable;
  /** Their keys. */
  readonly keys: Float64Array;
  /** Rows in the order of the index. */
  readonly order: Int32Array;
}

async function readTable({ records, index, signal }: RecordDatasetOptions): Promise<KeyedTable> {
  if (index === undefined) {
    const table = await scanRecordTable(records, { signal });
    const order = Int32Array.from({ length: table.length }, (_, row) => row);
    return { table, keys: keysFromIds(table), order };
  }
  const lines = parseIndex(await index.read(0, index.byteLength, { signal }));
  const byOffset = sortedRows(lines.offsets);
  const offsets = Float64Array.from(byOffset, (line) => lines.offsets[line]!);
  const keys = Float64Array.from(byOffset, (line) => lines.keys[line]!);
  const order = new Int32Array(lines.length);
  byOffset.forEach((line, row) => {
    order[line] = row;
  });
  return { table: await scanRecordTable(records, { offsets, signal }), keys, order };
}

/**
 * Keys for a file without an index: the ids in the records' headers, which all known writers set to the key, or where
 * those are not distinct whole numbers below 2^53, the records' places in the file.
 */
export function keysFromIds(table: Pick<RecordTable, 'ids'>): Float64Array {
  const keys = Float64Array.from(table.ids, Number);
  if (keys.every(Number.isSafeInteger)) {
    const lookup = keyLookup(keys);
    if (keys.every((key, row) => lookup.row(key) === row)) {
      return keys;
    }
  }
  return keys.map((_, row) => row);
}

function arrange(
  table: RecordTable,
  keys: Float64Array,
  order: Int32Array,
  layout: RecordLayout | 'auto',
  names: IdentityNames | undefined,
): Arrangement {
  return layout === 'insightface' || (layout === 'auto' && isInsightFace(table, keys))
    ? arrangeIdentities(table, keys, names)
    : arrangeFlat(table, keys, order, names);
}

/**
 * Whether the record with key 0 is the header record of the InsightFace layout, whose ranges of keys can be gone by. Keys past
 * 2^24 are rounded in it (Glint360K has 17 million images), so nobody can say where an identity begins: such a file is read by
 * the images' own labels.
 */
export function isInsightFace(table: RecordTable, keys: Float64Array): boolean {
  const headerRow = keys.lastIndexOf(0);
  return (
    headerRow !== -1 && isRangeRecord(table, headerRow) && !(table.secondLabels[headerRow]! > MAX_EXACT_LABEL)
  );
}

/** Images and identities as header and identity records of the InsightFace layout have them. */
export function arrangeIdentities(
  table: RecordTable,
  keys: Float64Array,
  names?: IdentityNames,
): Arrangement {
  const lookup = keyLookup(keys);
  const headerRow = lookup.row(0);
  if (headerRow === -1 || !isRangeRecord(table, headerRow)) {
    throw new RecordIOError(
      'missing-header-record',
      headerRow === -1
        ? 'The InsightFace layout needs a header record with key 0, which is not there; open it with layout "flat"'
        : `The record with key 0 (byte ${table.offsets[headerRow]}) is not the header record of the InsightFace layout; open it with layout "flat"`,
      headerRow === -1 ? { key: 0 } : { key: 0, offset: table.offsets[headerRow] },
    );
  }
  return arrangeInsightFace(table, keys, lookup, headerRow, names);
}

function isRangeRecord(table: RecordTable, row: number): boolean {
  return table.flags[row] === 2 && table.contentLengths[row] === 0;
}

function arrangeFlat(
  table: RecordTable,
  keys: Float64Array,
  order: Int32Array,
  names: IdentityNames | undefined,
): Arrangement {
  const rows = order.filter((row) => table.contentLengths[row]! > 0);
  const labels = rows.map((row) => labelOf(table, keys, row));
  return { layout: 'flat', rows, labels, identities: identitiesFromLabels(labels, names) };
}

function labelOf(table: RecordTable, keys: Float64Array, row: number): number {
  return checkedLabel(table.labels[row]!, { key: keys[row]!, offset: table.offsets[row]! });
}

function arrangeInsightFace(
  table: RecordTable,
  keys: Float64Array,
  lookup: KeyLookup,
  headerRow: number,
  names: IdentityNames | undefined,
): Arrangement {
  const [firstIdentity, identityEnd] = keyRange(table, keys, headerRow, 1, MAX_EXACT_LABEL);
  for (let key = 1; key < firstIdentity; key++) {
    requireRow(lookup, key, 'image', table.offsets[headerRow]!);
  }
  const rows = Int32Array.from({ length: firstIdentity - 1 }, (_, position) => lookup.row(position + 1));
  const labels = rows.map((row) => labelOf(table, keys, row));
  const identities: FaceIdentity[] = [];
  const taken = new Uint8Array(rows.length);
  for (let key = firstIdentity; key < identityEnd; key++) {
    const row = requireRow(lookup, key, 'identity record', table.offsets[headerRow]!);
    const [first, end] = keyRange(table, keys, row, 1, firstIdentity);
    const label = first === end ? UNLABELLED : labels[first - 1]!;
    for (let position = first - 1; position < end - 1; position++) {
      if (taken[position] === 1 || labels[position] !== label) {
        throw badRange(
          table,
          keys,
          row,
          taken[position] === 1
            ? `claims image ${position + 1}, which another identity has`
            : `has images of labels ${label} and ${labels[position]}`,
        );
      }
      taken[position] = 1;
    }
    const images = Int32Array.from({ length: end - first }, (_, i) => first - 1 + i);
    identities.push({ label, name: names?.get(label), images });
  }
  const orphan = taken.indexOf(0);
  if (orphan !== -1) {
    throw badRange(table, keys, headerRow, `covers no identity that has image ${orphan + 1}`);
  }
  return { layout: 'insightface', rows, labels, identities: withAllLabels(identities) };
}

/** In place of the label of an identity without images, which is written nowhere. */
const UNLABELLED = -1;

/** Identities without images get their places as labels, or where somebody else has that label, one that nobody has. */
function withAllLabels(identities: readonly FaceIdentity[]): readonly FaceIdentity[] {
  const taken = new Set(identities.map(({ label }) => label));
  if (!taken.has(UNLABELLED)) {
    return identities;
  }
  let free = identities.reduce((most, { label }) => Math.max(most, label + 1), identities.length);
  return identities.map((identity, place) =>
    identity.label === UNLABELLED ? { ...identity, label: taken.has(place) ? free++ : place } : identity,
  );
}

function requireRow(lookup: KeyLookup, key: number, what: string, headerOffset: number): number {
  const row = lookup.row(key);
  if (row === -1) {
    throw new RecordIOError(
      'missing-record',
      `The header record (byte ${headerOffset}) promises an ${what} with key ${key}, which is not there: index or file are incomplete, or the index is of another file`,
      { key, offset: headerOffset },
    );
  }
  return row;
}

/** The two labels of a header or identity record, as keys [first, end) within [low, high]. */
function keyRange(
  table: RecordTable,
  keys: Float64Array,
  row: number,
  low: number,
  high: number,
): readonly [number, number] {
  const first = table.labels[row]!;
  const end = table.secondLabels[row]!;
  if (!isRangeRecord(table, row)) {
    throw badRange(table, keys, row, 'is not an identity record (flag 2, no content)');
  }
  if (!(Number.isInteger(first) && Number.isInteger(end) && low <= first && first <= end && end <= high)) {
    throw badRange(
      table,
      keys,
      row,
      `has the key range [${first}, ${end}), which is not within [${low}, ${high})`,
    );
  }
  return [first, end];
}

function badRange(table: RecordTable, keys: Float64Array, row: number, what: string): RecordIOError {
  return new RecordIOError(
    'bad-identity-range',
    `Record ${keys[row]} (byte ${table.offsets[row]}) ${what}; layout "flat" goes by the images' own labels instead`,
    { key: keys[row], offset: table.offsets[row] },
  );
}

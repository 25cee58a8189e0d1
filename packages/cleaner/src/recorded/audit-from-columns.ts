import { CleanerError } from '../cleaner-error.ts';
import type { Identity } from '../identity.ts';
import type { Audit, AuditedIdentity } from '../score.ts';
import { type AuditColumns, RECORDED_VERDICTS } from './audit-columns.ts';
import { type KeyColumn, keyAt } from './key-column.ts';

/*
 * From the rows of an audit back to the audit, over the dataset that it is of: decisions can then be made, and images written, by
 * whoever has no network at hand. What rows do not hold (the automatic rule's groups and proposals) is not there; what they say
 * about each image is, for the rule `recorded`.
 */

/** The part of a dataset that is needed. */
export interface AuditedData {
  readonly length: number;
  readonly labels: Int32Array;
  /** In the order in which the output lists them. */
  readonly identities: readonly Identity[];
  key(position: number): number | string;
}

/** An audit over the images that could be judged; its image `i` is at `positions[i]` of the dataset. */
export interface RecordedAudit {
  readonly audit: Audit;
  readonly positions: Int32Array;
  /** Positions of the images that the audit says could not be read. */
  readonly undecodable: Int32Array;
}

/**
 * @throws {CleanerError} `identity-mismatch` unless rows and images are the same, key by key, with the same labels.
 */
export function auditFromColumns(columns: AuditColumns, data: AuditedData): RecordedAudit {
  const rowOf = rowsByPosition(columns, data);
  const imageOf = new Int32Array(data.length).fill(-1);
  const positions: number[] = [];
  const undecodable: number[] = [];
  for (let position = 0; position < data.length; position++) {
    if (columns.nearest[rowOf[position]!]! < 0) undecodable.push(position);
    else imageOf[position] = positions.push(position) - 1;
  }
  const pick = <T extends Float64Array | Int32Array>(column: ArrayLike<number>, into: T): T => {
    positions.forEach((position, image) => {
      into[image] = column[rowOf[position]!]!;
    });
    return into;
  };
  const images = positions.length;
  const identityOf = new Int32Array(images);
  const recordedAt = new Map(columns.identities.map((identity) => [identity.label, identity]));
  const identities = data.identities.map(({ label, name, images: listed }, place): AuditedIdentity => {
    const readable = Int32Array.from(listed, (position) => imageOf[position]!).filter((image) => image >= 0);
    for (const image of readable) identityOf[image] = place;
    const { votes = [], dominant = 0 } = recordedAt.get(label) ?? {};
    return { label, name, images: readable, votes: Int32Array.from(votes), dominant };
  });
  const { pClean } = columns;
  return {
    audit: {
      images,
      subcenters: identities.reduce((most, { votes }) => Math.max(most, votes.length), 1),
      labels: pick(columns.labels, new Int32Array(images)),
      identities,
      identityOf,
      nearest: pick(columns.nearest, new Int32Array(images)),
      cosine: pick(columns.cosine, new Float64Array(images)),
      cosineNearest: pick(columns.cosineNearest, new Float64Array(images)),
      key: (image) => data.key(positions[image]!),
      recorded: {
        verdicts: positions.map((position) => RECORDED_VERDICTS[columns.verdicts[rowOf[position]!]!]!),
        reasons: positions.map((position) => columns.reasonNames[columns.reasons[rowOf[position]!]!]!),
        otherLabel: pick(columns.otherLabel, new Int32Array(images)),
        suggestedLabel: pick(columns.suggestedLabel, new Int32Array(images)),
        movedTo: pick(columns.movedTo, new Int32Array(images)),
        splitPerson: pick(columns.splitPerson, new Int32Array(images)),
        ...(pClean === undefined ? {} : { pClean: pick(pClean, new Float64Array(images)) }),
      },
    },
    positions: Int32Array.from(positions),
    undecodable: Int32Array.from(undecodable),
  };
}

/** The row of every image of the data. */
function rowsByPosition(columns: AuditColumns, data: AuditedData): Int32Array {
  const { images, keys, labels } = columns;
  if (images !== data.length) {
    throw new CleanerError(
      'identity-mismatch',
      `the audit has ${images} rows, but the dataset has ${data.length} images: is it of this dataset?`,
    );
  }
  const rows = inDataOrder(keys, data) ?? byKey(keys, data);
  rows.forEach((row, position) => {
    if (labels[row] === data.labels[position]) return;
    throw new CleanerError(
      'identity-mismatch',
      `image ${JSON.stringify(data.key(position))} has label ${data.labels[position]}, but ${labels[row]} in the audit`,
    );
  });
  return rows;
}

function inDataOrder(keys: KeyColumn, data: AuditedData): Int32Array | undefined {
  for (let i = 0; i < data.length; i++) if (String(keyAt(keys, i)) !== String(data.key(i))) return undefined;
  return Int32Array.from({ length: data.length }, (_, i) => i);
}

function byKey(keys: KeyColumn, data: AuditedData): Int32Array {
  const rowOfKey = new Map<string, number>();
  for (let row = 0; row < data.length; row++) {
    const key = String(keyAt(keys, row));
    if (rowOfKey.has(key)) {
      throw new CleanerError(
        'identity-mismatch',
        `the audit has two rows with the key ${JSON.stringify(key)}`,
      );
    }
    rowOfKey.set(key, row);
  }
  return Int32Array.from({ length: data.length }, (_, position) => {
    const row = rowOfKey.get(String(data.key(position)));
    if (row !== undefined) return row;
    throw new CleanerError(
      'identity-mismatch',
      `image ${JSON.stringify(data.key(position))} has no row in the audit: is it of this dataset?`,
    );
  });
}

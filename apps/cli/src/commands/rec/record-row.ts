/** A record as a line of JSON. The keys are part of the command line's contract. */
import { createHash } from 'node:crypto';
import type { ListedRecord } from '@arcface/recordio';

/**
 * `length` and `sha256` are of what follows header and labels, or, without a header, of the whole payload. A `key` that
 * the index does not have is null; ids past 2^53, which a number cannot hold, are strings of decimal digits.
 */
export function recordRow({ key, offset, payload, image }: Omit<ListedRecord, 'end'>): object {
  const content = image?.content ?? payload;
  const sha256 = createHash('sha256').update(content).digest('hex');
  const place = { key: key ?? null, offset, length: content.length };
  if (image === undefined) return { ...place, sha256 };
  const { flag, labels, id, id2 } = image;
  return { ...place, flag, labels, id: exactNumber(id), id2: exactNumber(id2), sha256 };
}

/** A number if it is exact, else its decimal digits: JSON numbers are doubles to most who read them. */
function exactNumber(value: bigint): number | string {
  return value <= 2n ** 53n ? Number(value) : String(value);
}

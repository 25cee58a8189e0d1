import { CleanerError } from './cleaner-error.ts';
import type { Identity } from './identity.ts';

/*
 * The trained sub-centres, and which of their rows belong to which identity.
 *
 * That second question is where datasets silently come out wrong: training knows an identity by its label, the
 * reference's drop script by its position among the identities. Where labels have gaps the two differ, so the caller says which
 * order the rows are in, and everything that does not fit is refused by name.
 */

/** Rows are those of the identity's label (as it was trained), or of its position among the identities (as the reference drops). */
export type ClassOrder = 'label' | 'position';

export interface SubcenterWeights {
  /** [classes * K, D], row after row, class-major: sub-centre k of class c is row `c * K + k`. Need not be normalised. */
  readonly weights: Float32Array;
  /** Sub-centres per class, K. */
  readonly subcenters: number;
  /** Length of a row, D. */
  readonly dimensions: number;
  readonly classOrder: ClassOrder;
}

/** One block of sub-centres, as a class-parallel head stores it (`fc7_0_weight`, `fc7_1_weight`, ...). */
export interface SubcenterShard {
  readonly name: string;
  /** [rows, D]. */
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Joins the shards of a class-parallel head in the order of the numbers in their names. Classes that only pad the last shard may
 * remain at the end.
 *
 * @throws {CleanerError} `subcenters-mismatch` when a shard is missing or repeated, widths differ, or K does not divide
 *   the rows.
 */
export function assembleSubcenters(
  shards: readonly SubcenterShard[],
  options: { subcenters: number; classOrder: ClassOrder },
): SubcenterWeights {
  if (shards.length === 0) {
    throw new CleanerError(
      'subcenters-mismatch',
      'no sub-centres: expected arrays named fc7_0_weight, fc7_1_weight, ... (train so that the head is saved with the checkpoint)',
    );
  }
  const numbered = shards
    .map((shard) => ({ shard, number: Number(/(\d+)(?:_weight)?$/.exec(shard.name)?.[1] ?? Number.NaN) }))
    .sort((a, b) => a.number - b.number);
  numbered.forEach(({ shard, number }, i) => {
    if (number !== i) {
      throw new CleanerError(
        'subcenters-mismatch',
        `shards must be numbered 0..${shards.length - 1} without gaps, found ${shards.map((s) => s.name).join(', ')} ` +
          `(${shard.name} stands where number ${i} should)`,
      );
    }
  });
  const dimensions = shards[0]!.shape[1] ?? 0;
  let length = 0;
  for (const { name, shape, data } of shards) {
    if (shape.length !== 2 || shape[1] !== dimensions || shape[0]! * dimensions !== data.length) {
      throw new CleanerError(
        'subcenters-mismatch',
        `${name} has shape [${shape.join(', ')}] and ${data.length} numbers, expected [rows, ${dimensions}]`,
      );
    }
    length += data.length;
  }
  const weights = new Float32Array(length);
  let offset = 0;
  for (const { shard } of numbered) {
    weights.set(shard.data, offset);
    offset += shard.data.length;
  }
  const assembled = { weights, dimensions, ...options };
  countClasses(assembled);
  return assembled;
}

/**
 * @returns The number of classes the weights hold.
 * @throws {CleanerError} `invalid-option`, `subcenters-mismatch`.
 */
export function countClasses({ weights, subcenters, dimensions }: SubcenterWeights): number {
  for (const [name, value] of Object.entries({ subcenters, dimensions })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new CleanerError('invalid-option', `${name} must be a positive integer, found ${value}`);
    }
  }
  if (weights.length % dimensions !== 0) {
    throw new CleanerError(
      'subcenters-mismatch',
      `${weights.length} numbers cannot be whole sub-centres of ${dimensions} dimensions`,
    );
  }
  const rows = weights.length / dimensions;
  if (rows % subcenters !== 0) {
    throw new CleanerError(
      'subcenters-mismatch',
      `${rows} rows cannot be ${subcenters} sub-centres each of a whole number of classes: was the head trained with another K?`,
    );
  }
  return rows / subcenters;
}

/**
 * The class of each identity in the weights.
 *
 * @throws {CleanerError} `class-order` when the head is too small for the identities in this order.
 */
export function classOfIdentities(
  identities: readonly Identity[],
  classes: number,
  classOrder: ClassOrder,
): Int32Array {
  const classOf = Int32Array.from(identities, ({ label }, position) =>
    classOrder === 'label' ? label : position,
  );
  // An identity without images needs no row.
  const needed =
    classOf.reduce((most, c, i) => (identities[i]!.images.length > 0 ? Math.max(most, c) : most), -1) + 1;
  const lowest = classOf.reduce((least, c) => Math.min(least, c), 0);
  if (lowest < 0)
    throw new CleanerError('invalid-label', `label ${lowest} has no row in a head ordered by label`);
  if (needed > classes) {
    throw new CleanerError(
      'class-order',
      classOrder === 'label'
        ? `the head has ${classes} classes but labels go up to ${needed - 1}, so ${needed} are needed; ` +
            `if its classes are in the order of the identities, say classOrder 'position'`
        : `the head has ${classes} classes but there are ${needed} identities`,
    );
  }
  return classOf;
}

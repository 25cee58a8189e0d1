import { CleanerError } from './cleaner-error.ts';

/** Number of rows of `dimensions` numbers. @throws {CleanerError} `shape-mismatch`, `invalid-option`. */
export function rowsOf(name: string, values: ArrayLike<number>, dimensions: number): number {
  if (!Number.isInteger(dimensions) || dimensions < 1) {
    throw new CleanerError('invalid-option', `dimensions must be a positive integer, found ${dimensions}`);
  }
  if (values.length % dimensions !== 0) {
    throw new CleanerError(
      'shape-mismatch',
      `${name}: ${values.length} numbers are not a whole number of rows of ${dimensions}`,
    );
  }
  return values.length / dimensions;
}

/**
 * One over the L2 norm of every row, float64; 0 for a row of zeros, so that it stays zero when scaled.
 *
 * @param firstRow Number of the first row, for messages.
 * @throws {CleanerError} `not-finite`, naming the row and the column.
 */
export function inverseRowNorms(
  name: string,
  values: Float32Array | Float64Array,
  dimensions: number,
  firstRow = 0,
): Float64Array {
  return rowNorms(name, values, dimensions, firstRow).map((norm) => (norm > 0 ? 1 / norm : 0));
}

/** The L2 norm of every row, float64. Parameters and errors as above. */
export function rowNorms(
  name: string,
  values: Float32Array | Float64Array,
  dimensions: number,
  firstRow = 0,
): Float64Array {
  const rows = rowsOf(name, values, dimensions);
  const norms = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let i = r * dimensions; i < (r + 1) * dimensions; i++) sum += values[i]! * values[i]!;
    if (!Number.isFinite(sum)) {
      const column = values
        .subarray(r * dimensions, (r + 1) * dimensions)
        .findIndex((v) => !Number.isFinite(v));
      throw new CleanerError(
        'not-finite',
        column < 0
          ? `${name}: row ${firstRow + r} is too long for float64`
          : `${name}: row ${firstRow + r}, column ${column} is ${values[r * dimensions + column]}`,
      );
    }
    norms[r] = Math.sqrt(sum);
  }
  return norms;
}

import { CleanerError } from './cleaner-error.ts';
import { inverseRowNorms, rowsOf } from './row-norms.ts';

/*
 * Embeddings wherever they are. In memory they are one array; ten million of them are a file, of which a row is read when it is
 * needed. Whatever judges by embeddings asks for rows and does not see the difference.
 */

/** Embeddings that are read row by row: mostly one after the other, now and then some from all over. */
export interface EmbeddingRows {
  /** N. */
  readonly rows: number;
  /** Writes row `row` into `into`, which has D numbers. */
  read(row: number, into: Float64Array): void;
}

/** [N, D], row after row, or the same to be read. */
export type Embeddings = Float32Array | Float64Array | EmbeddingRows;

/** @throws {CleanerError} `shape-mismatch`, `invalid-option`. */
export function embeddingRows(embeddings: Embeddings, dimensions: number): EmbeddingRows {
  if ('read' in embeddings) return embeddings;
  return {
    rows: rowsOf('embeddings', embeddings, dimensions),
    read(row, into) {
      const start = row * dimensions;
      for (let d = 0; d < dimensions; d++) into[d] = embeddings[start + d]!;
    },
  };
}

/**
 * One over the length of every row; 0 for a row of zeros.
 *
 * @throws {CleanerError} `not-finite`, naming row and column; `shape-mismatch`, `invalid-option`.
 */
export function inverseNorms(embeddings: Embeddings, dimensions: number): Float64Array {
  if (!('read' in embeddings)) return inverseRowNorms('embeddings', embeddings, dimensions);
  const inverse = new Float64Array(embeddings.rows);
  const row = new Float64Array(dimensions);
  for (let i = 0; i < embeddings.rows; i++) {
    embeddings.read(i, row);
    inverse[i] = inverseRowNorms('embeddings', row, dimensions, i)[0]!;
  }
  return inverse;
}

/**
 * The same rows, each of length one (or zero), rounded to float32.
 *
 * @throws {CleanerError} As `inverseNorms`; `shape-mismatch` unless there are as many as expected.
 */
export function unitRows(embeddings: Embeddings, dimensions: number, expected: number): EmbeddingRows {
  const source = embeddingRows(embeddings, dimensions);
  if (source.rows !== expected) {
    throw new CleanerError('shape-mismatch', `${source.rows} embeddings but ${expected} labels`);
  }
  const inverse = inverseNorms(embeddings, dimensions);
  if (!('read' in embeddings)) {
    const unit = new Float32Array(embeddings.length);
    for (let i = 0; i < unit.length; i++) unit[i] = embeddings[i]! * inverse[Math.floor(i / dimensions)]!;
    return embeddingRows(unit, dimensions);
  }
  return {
    rows: source.rows,
    read(row, into) {
      source.read(row, into);
      for (let d = 0; d < dimensions; d++) into[d] = Math.fround(into[d]! * inverse[row]!);
    },
  };
}

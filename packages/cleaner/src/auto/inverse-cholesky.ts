/**
 * The inverse of the Cholesky factor: for a symmetric positive definite matrix A = L Lᵀ the lower triangular L⁻¹, so that L⁻¹ A L⁻ᵀ is the
 * identity matrix.
 *
 * @param matrix A: [size, size], row after row; only its lower triangle is read.
 * @returns [size, size], zero above the diagonal.
 */
export function inverseCholesky(matrix: Float64Array, size: number): Float64Array {
  const factor = choleskyFactor(matrix, size);
  const inverse = new Float64Array(size * size);
  for (let column = 0; column < size; column++) {
    inverse[column * size + column] = 1 / factor[column * size + column]!;
    for (let row = column + 1; row < size; row++) {
      let sum = 0;
      for (let k = column; k < row; k++) sum += factor[row * size + k]! * inverse[k * size + column]!;
      inverse[row * size + column] = -sum / factor[row * size + row]!;
    }
  }
  return inverse;
}

function choleskyFactor(matrix: Float64Array, size: number): Float64Array {
  const factor = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let rest = matrix[row * size + column]!;
      for (let k = 0; k < column; k++) rest -= factor[row * size + k]! * factor[column * size + k]!;
      factor[row * size + column] = row === column ? Math.sqrt(rest) : rest / factor[column * size + column]!;
    }
  }
  return factor;
}

/** How many directions features really use. */
import { symmetricEigenvalues } from './symmetric-eigenvalues';

/**
 * RankMe (Garrido et al. 2023, arXiv 2210.02885): exp of the entropy of the normalised singular values of Z,
 * p_k = σ_k/Σσ + 1e-7; between 1 (collapsed) and `width`. The paper uses 25,600 images; N should be well above D.
 * Z is not centred, as in the original. The singular values are roots of the eigenvalues of ZᵀZ.
 *
 * @param features [N, width], row-major
 */
export function rankMe(features: Float32Array, width: number): number {
  const singular = symmetricEigenvalues(gramMatrix(features, width), width).map((eigenvalue) => Math.sqrt(Math.max(0, eigenvalue)));
  const total = singular.reduce((sum, value) => sum + value, 0) || 1;
  const entropy = singular.reduce((sum, value) => {
    const p = value / total + 1e-7;
    return sum - p * Math.log(p);
  }, 0);
  return Math.exp(entropy);
}

/** ZᵀZ, [width, width]. */
function gramMatrix(features: Float32Array, width: number): Float64Array {
  const gram = new Float64Array(width * width);
  for (let row = 0; row < features.length; row += width) {
    for (let i = 0; i < width; i++) {
      const value = features[row + i]!;
      for (let j = 0; j <= i; j++) gram[i * width + j]! += value * features[row + j]!;
    }
  }
  for (let i = 0; i < width; i++) for (let j = 0; j < i; j++) gram[j * width + i] = gram[i * width + j]!;
  return gram;
}

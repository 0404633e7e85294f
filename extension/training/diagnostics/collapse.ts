/** A sign of collapse: whether the features of different images still differ. */

/**
 * Mean over dimensions of the standard deviation of z/‖z‖ over images (SimSiam, Chen and He 2021, arXiv 2011.10566).
 * Healthy features are near 1/√D; 0 means that every image has the same feature. Rows of length 0 stay 0.
 *
 * @param features [N, width], row-major, N ≥ 2
 */
export function collapseStd(features: Float32Array, width: number): number {
  const rows = features.length / width;
  const sums = new Float64Array(width);
  const squares = new Float64Array(width);
  for (let row = 0; row < rows; row++) {
    const z = features.subarray(row * width, (row + 1) * width);
    const norm = Math.sqrt(z.reduce((sum, value) => sum + value * value, 0)) || 1;
    z.forEach((value, d) => {
      sums[d]! += value / norm;
      squares[d]! += (value / norm) ** 2;
    });
  }
  const deviations = sums.map((sum, d) => Math.sqrt(Math.max(0, squares[d]! - (sum * sum) / rows) / (rows - 1)));
  return deviations.reduce((sum, deviation) => sum + deviation, 0) / width;
}

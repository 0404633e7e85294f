/**
 * Centred kernel alignment: how alike two representations of the same images are, whatever their widths and up to
 * rotation and scale. 1 for the same, near 0 for unrelated ones.
 */

/** Representations of the same images, row-major: [N, width]. */
export interface Representation {
  readonly features: ArrayLike<number>;
  readonly width: number;
}

/**
 * Linear CKA (Kornblith et al. 2019, arXiv 1905.00414): ‖YᵀX‖²_F / (‖XᵀX‖_F·‖YᵀY‖_F) of centred columns.
 *
 * Computed from the centred Gram matrices, which is the same: ‖YᵀX‖²_F = ⟨K, L⟩. O(N²·D), so meant for some thousand images.
 * @returns 0 where one of them does not vary
 */
export function linearCka(x: Representation, y: Representation): number {
  const n = rowsOf(x, y);
  const [k, l] = [gram(centred(x, n), n), gram(centred(y, n), n)];
  return ratio(dot(k, l), dot(k, k), dot(l, l));
}

/**
 * CKA over minibatches with the unbiased estimator of HSIC (Nguyen et al. 2021, arXiv 2010.15327):
 * Σ HSIC₁(K, L) / √(Σ HSIC₁(K, K) · Σ HSIC₁(L, L)), sums over the batches. Unlike linear CKA it does not
 * depend on how large the batches are, except for noise; it may be slightly negative.
 */
export class MinibatchCka {
  private xy = 0;
  private xx = 0;
  private yy = 0;

  /** One batch of at least four images. */
  add(x: Representation, y: Representation): void {
    const n = rowsOf(x, y);
    // HSIC₁ does not change with the mean of the features; without it less is lost to rounding.
    const [k, l] = [gram(centred(x, n), n), gram(centred(y, n), n)];
    this.xy += unbiasedHsic(k, l, n);
    this.xx += unbiasedHsic(k, k, n);
    this.yy += unbiasedHsic(l, l, n);
  }

  /** 0 before the first batch, and where one of the representations does not vary. */
  value(): number {
    return ratio(this.xy, this.xx, this.yy);
  }
}

/**
 * HSIC₁ (Song et al. 2012), the unbiased estimator of the Hilbert–Schmidt independence criterion:
 * [tr(K̃L̃) + 1ᵀK̃1·1ᵀL̃1/((n−1)(n−2)) − 2/(n−2)·1ᵀK̃L̃1] / (n(n−3)), where K̃ and L̃ have zero diagonals.
 *
 * @param k, l symmetric [n, n]; their diagonals are not read
 * @throws RangeError for fewer than four images
 */
export function unbiasedHsic(k: Float64Array, l: Float64Array, n: number): number {
  if (n < 4) throw new RangeError(`HSIC₁ needs at least four images, not ${n}.`);
  let trace = 0;
  let sumK = 0;
  let sumL = 0;
  let product = 0;
  for (let i = 0; i < n; i++) {
    let rowK = 0;
    let rowL = 0;
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const [a, b] = [k[i * n + j]!, l[i * n + j]!];
      trace += a * b;
      rowK += a;
      rowL += b;
    }
    sumK += rowK;
    sumL += rowL;
    product += rowK * rowL;
  }
  return (trace + (sumK * sumL) / ((n - 1) * (n - 2)) - (2 * product) / (n - 2)) / (n * (n - 3));
}

/** XXᵀ, [n, n]. */
function gram({ features, width }: Representation, n: number): Float64Array {
  const result = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += features[i * width + d]! * features[j * width + d]!;
      result[i * n + j] = result[j * n + i] = sum;
    }
  }
  return result;
}

/** Every column less its mean. */
function centred({ features, width }: Representation, n: number): Representation {
  const means = new Float64Array(width);
  for (let at = 0; at < n * width; at++) means[at % width]! += features[at]! / n;
  return { features: Float64Array.from({ length: n * width }, (_, at) => features[at]! - means[at % width]!), width };
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function ratio(xy: number, xx: number, yy: number): number {
  const scale = Math.sqrt(Math.max(0, xx * yy));
  return scale === 0 ? 0 : xy / scale;
}

function rowsOf(x: Representation, y: Representation): number {
  const rows = x.features.length / x.width;
  if (rows !== y.features.length / y.width) throw new RangeError(`The representations are of ${rows} and ${y.features.length / y.width} images.`);
  return rows;
}

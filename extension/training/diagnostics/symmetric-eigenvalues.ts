/**
 * Eigenvalues of a real symmetric matrix: Householder reduction to tridiagonal form, then QL with implicit shifts
 * (Golub and Van Loan, Matrix Computations, 8.3). O(n³).
 *
 * @param matrix [n, n], row-major; not changed
 * @returns ascending
 */
export function symmetricEigenvalues(matrix: Float64Array, n: number): Float64Array {
  const { diagonal, offDiagonal } = tridiagonalise(Float64Array.from(matrix), n);
  return tridiagonalEigenvalues(diagonal, offDiagonal).sort();
}

/** offDiagonal[i] couples rows i and i + 1. `a` is overwritten. */
function tridiagonalise(a: Float64Array, n: number): { diagonal: Float64Array; offDiagonal: Float64Array } {
  const offDiagonal = new Float64Array(n);
  const reflector = new Float64Array(n);
  const product = new Float64Array(n);
  for (let k = 0; k < n - 1; k++) {
    // Reflect column k below the diagonal onto its first entry.
    let norm = 0;
    for (let i = k + 1; i < n; i++) norm += a[i * n + k]! ** 2;
    norm = Math.sqrt(norm);
    const first = a[(k + 1) * n + k]!;
    const target = first > 0 ? -norm : norm;
    offDiagonal[k] = target;
    for (let i = k + 1; i < n; i++) reflector[i] = a[i * n + k]!;
    reflector[k + 1] = first - target;
    const half = norm * norm - first * target;
    if (half === 0) continue;

    // A ← A − v·wᵀ − w·vᵀ with w = p − (vᵀp / 2h)·v and p = A·v / h.
    let overlap = 0;
    for (let i = k + 1; i < n; i++) {
      let sum = 0;
      for (let j = k + 1; j < n; j++) sum += a[i * n + j]! * reflector[j]!;
      product[i] = sum / half;
      overlap += product[i]! * reflector[i]!;
    }
    for (let i = k + 1; i < n; i++) product[i]! -= (overlap / (2 * half)) * reflector[i]!;
    for (let i = k + 1; i < n; i++) {
      for (let j = k + 1; j < n; j++) a[i * n + j]! -= reflector[i]! * product[j]! + product[i]! * reflector[j]!;
    }
  }
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), offDiagonal };
}

const MAX_SWEEPS = 60;

/** Both arguments are overwritten. */
function tridiagonalEigenvalues(d: Float64Array, e: Float64Array): Float64Array {
  const n = d.length;
  for (let low = 0; low < n; low++) {
    for (let sweep = 0; ; sweep++) {
      let high = low;
      while (high < n - 1 && Math.abs(e[high]!) > Number.EPSILON * (Math.abs(d[high]!) + Math.abs(d[high + 1]!))) high++;
      if (high === low) break;
      if (sweep === MAX_SWEEPS) throw new Error('The eigenvalues do not converge.');
      implicitShift(d, e, low, high);
    }
  }
  return d;
}

/** One QL sweep over rows low…high, shifted towards d[low]. */
function implicitShift(d: Float64Array, e: Float64Array, low: number, high: number): void {
  const half = (d[low + 1]! - d[low]!) / (2 * e[low]!);
  const root = Math.hypot(half, 1);
  let g = d[high]! - d[low]! + e[low]! / (half + (half >= 0 ? root : -root));
  let sine = 1;
  let cosine = 1;
  let shift = 0;
  for (let i = high - 1; i >= low; i--) {
    const f = sine * e[i]!;
    const b = cosine * e[i]!;
    const radius = Math.hypot(f, g);
    e[i + 1] = radius;
    if (radius === 0) {
      d[i + 1]! -= shift;
      e[high] = 0;
      return;
    }
    sine = f / radius;
    cosine = g / radius;
    g = d[i + 1]! - shift;
    const r = (d[i]! - g) * sine + 2 * cosine * b;
    shift = sine * r;
    d[i + 1] = g + shift;
    g = cosine * r - b;
  }
  d[low]! -= shift;
  e[low] = g;
  e[high] = 0;
}

/** Bicubic interpolation as an explicit matrix, one row a sample of the output, so that what is meant is on the page. */

export interface BicubicOptions {
  /** Keys' free parameter: −0.75 in PyTorch and OpenCV, −0.5 in PIL and with antialiasing. */
  readonly a: number;
  /** Widen the kernel when shrinking, as PIL does; PyTorch's plain `interpolate` does not. */
  readonly antialias: boolean;
}

/** `torch.nn.functional.interpolate(mode='bicubic', align_corners=False)`, which the official code uses. */
export const TORCH_BICUBIC: BicubicOptions = { a: -0.75, antialias: false };

function keys(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/**
 * Weights of the `inputs` samples in each of the `outputs` samples: half-pixel centres.
 * Without antialiasing samples past the border repeat the border; with it the kernel is cut off there and renormalised.
 * @returns row-major [outputs, inputs]; every row sums to 1
 */
export function bicubicWeights(inputs: number, outputs: number, { a, antialias }: BicubicOptions): Float64Array {
  const weights = new Float64Array(inputs * outputs);
  const step = inputs / outputs;
  const stretch = antialias ? Math.max(step, 1) : 1;
  for (let out = 0; out < outputs; out++) {
    const centre = (out + 0.5) * step - 0.5;
    const first = Math.ceil(centre - 2 * stretch);
    const last = Math.floor(centre + 2 * stretch);
    const row = weights.subarray(out * inputs, (out + 1) * inputs);
    let total = 0;
    for (let at = first; at <= last; at++) {
      if (antialias && (at < 0 || at >= inputs)) continue;
      const weight = keys((at - centre) / stretch, a);
      row[Math.min(Math.max(at, 0), inputs - 1)]! += weight;
      total += weight;
    }
    for (let i = 0; i < inputs; i++) row[i]! /= total;
  }
  return weights;
}

/** Bicubic interpolation with every choice on the page: libraries that call themselves bicubic differ in two of them. */

export interface BicubicOptions {
  /** Keys' free parameter: −0.75 in PyTorch and OpenCV, −0.5 in PIL and with antialiasing. */
  readonly a: number;
  /** Widen the kernel when shrinking, as PIL does; PyTorch's plain `interpolate` does not. */
  readonly antialias: boolean;
}

/** `torch.nn.functional.interpolate(mode='bicubic', align_corners=False)`, which the official code uses. */
export const TORCH_BICUBIC: BicubicOptions = { a: -0.75, antialias: false };

/** PIL's, and so torchvision's on images. */
export const PIL_BICUBIC: BicubicOptions = { a: -0.5, antialias: true };

/** For each output sample: its first input, how many, and their weights, which sum to 1. */
export interface BicubicFilter {
  readonly length: number;
  /** Places for weights that each output has in `weights`. */
  readonly taps: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** Row-major [length, taps]. */
  readonly weights: Float64Array;
}

/**
 * The filter that resizes `inputs` samples to `outputs`, half-pixel centres; of the outputs [start, start + length).
 *
 * Without antialiasing samples past the border repeat the border; with it the kernel is cut off there and renormalised.
 */
export function bicubicFilter(inputs: number, outputs: number, { a, antialias }: BicubicOptions, start = 0, length = outputs): BicubicFilter {
  const step = inputs / outputs;
  const stretch = antialias ? Math.max(step, 1) : 1;
  const reach = 2 * stretch;
  const taps = Math.ceil(reach) * 2 + 1;
  const filter = { length, taps, first: new Int32Array(length), count: new Int32Array(length), weights: new Float64Array(length * taps) };
  for (let out = 0; out < length; out++) {
    const centre = (start + out + 0.5) * step - 0.5;
    const from = Math.ceil(centre - reach);
    const to = Math.floor(centre + reach);
    const first = clamp(from, inputs);
    const last = clamp(to, inputs);
    const row = filter.weights.subarray(out * taps, (out + 1) * taps);
    let total = 0;
    for (let at = from; at <= to; at++) {
      const inside = clamp(at, inputs);
      if (antialias && inside !== at) continue;
      const weight = keys((at - centre) / stretch, a);
      row[inside - first]! += weight;
      total += weight;
    }
    for (let k = 0; k < taps; k++) row[k]! /= total;
    filter.first[out] = first;
    filter.count[out] = last - first + 1;
  }
  return filter;
}

/** The same as a matrix, row-major [outputs, inputs]. */
export function bicubicMatrix(inputs: number, outputs: number, options: BicubicOptions): Float64Array {
  const { taps, first, count, weights } = bicubicFilter(inputs, outputs, options);
  const matrix = new Float64Array(inputs * outputs);
  for (let out = 0; out < outputs; out++) matrix.set(weights.subarray(out * taps, out * taps + count[out]!), out * inputs + first[out]!);
  return matrix;
}

/** Keys' cubic convolution kernel. */
function keys(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function clamp(at: number, length: number): number {
  return Math.min(Math.max(at, 0), length - 1);
}

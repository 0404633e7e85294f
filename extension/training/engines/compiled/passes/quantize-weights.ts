/**
 * Products with frozen weights in integers of 8 bits, twice as fast or more. Not exact: it is done only where it is asked for.
 *
 *   W[n, k] ≈ s[n]·Q[k, n],  s[n] = max over k |W[n, k]| / largest,  x·Wᵀ ≈ (x·Q) ⊙ s
 *
 * The weights are rounded here, once, by output; x by what runs the product, each time anew: by ONNX Runtime
 * whole, by its least and largest value; by the native engine row by row.
 */
import type { NodeOf, Value, ValueId } from '../ir';
import type { Pass } from './pass';
import { Rewriter } from './rewriter';

/** Processors without VNNI add products in pairs in 16 bits: 2 · 255 · 63 fits, 2 · 255 · 127 would be cut off. */
export const FITS_IN_PAIRS = 63;
export const FITS_A_BYTE = 127;

interface Quantized {
  /** [K, N] */
  readonly weights: Int8Array;
  /** [N] */
  readonly scales: Float32Array;
}

/** @param weight [N, K]; @param alpha factor of the product */
function quantized({ shape, data }: Value, alpha: number, most: number): Quantized {
  const values = data as Float32Array;
  const [outputs, inputs] = shape as [number, number];
  const weights = new Int8Array(outputs * inputs);
  const scales = new Float32Array(outputs);
  for (let n = 0; n < outputs; n++) {
    const row = values.subarray(n * inputs, (n + 1) * inputs);
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // A row of zeros stays one.
    const scale = largest === 0 ? 1 : largest / most;
    for (let k = 0; k < inputs; k++) weights[k * outputs + n] = Math.round(row[k]! / scale);
    scales[n] = alpha * scale;
  }
  return { weights, scales };
}

/** @param names of the constants, weights [out, in]; @param most the largest whole number that a weight becomes */
export function quantizeWeights(names: readonly string[], most: number): Pass {
  const wanted = new Set(names);
  return {
    name: 'quantize-weights',
    run(graph) {
      const rewriter = new Rewriter(graph);
      for (const node of graph.nodes) {
        if (node.op !== 'MatMul' || !fits(rewriter, node, wanted)) continue;
        const [x, weight] = node.inputs as [ValueId, ValueId];
        const [outputs, inputs] = rewriter.shape(weight) as [number, number];
        const { weights, scales } = quantized(rewriter.value(weight), node.attrs.alpha, most);
        const operands = [rewriter.current(x), rewriter.constant([inputs, outputs], 'int8', weights), rewriter.constant([outputs], 'float32', scales)];
        rewriter.replace(node.outputs[0]!, rewriter.add('QuantizedMatMul', {}, operands));
      }
      return rewriter.finish();
    },
  };
}

/** x·Wᵀ of matrices, W one of the constants. */
function fits(rewriter: Rewriter, { attrs, inputs: [x, weight] }: NodeOf<'MatMul'>, wanted: ReadonlySet<string>): boolean {
  const { name, data } = rewriter.value(weight!);
  return !attrs.transA && attrs.transB && data instanceof Float32Array && name !== undefined && wanted.has(name) && rewriter.shape(x!).length === 2;
}

/** Multi-head attention over rows [B·N, D], timm's fused `qkv` (rows q, k, v) and `proj`. */
import * as tf from '@tensorflow/tfjs-core';
import { linear, linearOf } from './linear';
import type { Tensors } from './tensors';
import { tensorOf } from './tensors';

interface AttentionSize {
  /** Images B. */
  readonly batch: number;
  /** Tokens an image, N. */
  readonly tokens: number;
  readonly heads: number;
}

/** [B·N, parts·D] → `parts` tensors [B, H, N, D/H]. */
function splitHeads(x: tf.Tensor, parts: number, { batch, tokens, heads }: AttentionSize): tf.Tensor[] {
  const headWidth = x.shape[1]! / (parts * heads);
  const grouped = tf.transpose(tf.reshape(x, [batch, tokens, parts, heads, headWidth]), [2, 0, 3, 1, 4]);
  const separate = parts === 1 ? [grouped] : tf.split(grouped, parts, 0);
  return separate.map((part) => tf.reshape(part, [batch, heads, tokens, headWidth]));
}

/** [B, H, N, D/H] → [B·N, D]. */
function mergeHeads(x: tf.Tensor): tf.Tensor {
  const [batch, heads, tokens, headWidth] = x.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch * tokens, heads * headWidth]);
}

/** softmax(q·kᵀ/√(D/H) + bias), [B, H, Nq, Nk]. @param bias [H, Nq, Nk] */
function attentionWeights(q: tf.Tensor, k: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const products = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(q.shape[3]!));
  return tf.softmax(bias ? tf.add(products, tf.expandDims(bias, 0)) : products);
}

interface Attended {
  /** [B·N, D] */
  readonly output: tf.Tensor;
  /** [B, H, N, N] */
  readonly weights: tf.Tensor;
}

/** Every token attends to every token, by `rel_pos_bias` [H, N, N] too where the parameters have one. `x` is already normalised. */
export function selfAttention(parameters: Tensors, name: string, x: tf.Tensor, size: AttentionSize): Attended {
  const [q, k, v] = splitHeads(linearOf(parameters, `${name}.qkv`, x), 3, size);
  const weights = attentionWeights(q!, k!, parameters[`${name}.rel_pos_bias`]);
  return { output: linearOf(parameters, `${name}.proj`, mergeHeads(tf.matMul(weights, v!))), weights };
}

interface PartialAttention {
  /** @param rows normalised inputs of the queries, [B·Nq, D]; @returns [B, H, Nq, N] */
  weights(rows: tf.Tensor, queries: number): tf.Tensor;
  /** @param weights [B, H, Nq, N]; @returns [B·Nq, D] */
  output(weights: tf.Tensor): tf.Tensor;
}

/**
 * Self-attention asked for some queries only: keys and values of all tokens are computed once. Exact; for the frozen
 * teacher's last block, of which the loss reads few tokens, and for decoders that update few. Relative positions are not read here.
 */
export function partialAttention(parameters: Tensors, name: string, x: tf.Tensor, size: AttentionSize): PartialAttention {
  const width = x.shape[1]!;
  const weight = tensorOf(parameters, `${name}.qkv.weight`);
  const bias = tensorOf(parameters, `${name}.qkv.bias`);
  const rowsOf = (first: number, count: number): [tf.Tensor, tf.Tensor] => [tf.slice(weight, [first, 0], [count, width]), tf.slice(bias, [first], [count])];
  const [queryWeight, queryBias] = rowsOf(0, width);
  const [k, v] = splitHeads(linear(x, ...rowsOf(width, 2 * width)), 2, size);
  return {
    weights(rows, queries) {
      const [q] = splitHeads(linear(rows, queryWeight, queryBias), 1, { ...size, tokens: queries });
      return attentionWeights(q!, k!);
    },
    output: (weights) => linearOf(parameters, `${name}.proj`, mergeHeads(tf.matMul(weights, v!))),
  };
}

/**
 * Queries attend to other tokens: q from one set of rows, k and v from another, by the one fused `qkv`.
 * @param queries [B·Nq, D], normalised
 * @param context [B·Nk, D]
 * @returns [B·Nq, D]
 */
export function contextAttention(parameters: Tensors, name: string, queries: tf.Tensor, context: tf.Tensor, batch: number, heads: number): tf.Tensor {
  const attention = partialAttention(parameters, name, context, { batch, tokens: context.shape[0]! / batch, heads });
  return attention.output(attention.weights(queries, queries.shape[0]! / batch));
}

/**
 * Queries attend to tokens of another width: `q` of the queries, the fused `kv` (rows k, v) of the context, and `proj`.
 * @param queries [B·Nq, D], normalised
 * @param context [B·Nk, Dc], normalised
 * @returns [B·Nq, D]
 */
export function crossAttention(parameters: Tensors, name: string, queries: tf.Tensor, context: tf.Tensor, batch: number, heads: number): tf.Tensor {
  const [q] = splitHeads(linearOf(parameters, `${name}.q`, queries), 1, { batch, tokens: queries.shape[0]! / batch, heads });
  const [k, v] = splitHeads(linearOf(parameters, `${name}.kv`, context), 2, { batch, tokens: context.shape[0]! / batch, heads });
  return linearOf(parameters, `${name}.proj`, mergeHeads(tf.matMul(attentionWeights(q!, k!), v!)));
}

interface Asked {
  /** [B·Nq, D] */
  readonly queries: tf.Tensor;
  /** [B·Nk, D] */
  readonly keys: tf.Tensor;
  /** [B·Nk, D] */
  readonly values: tf.Tensor;
}

/**
 * Attention with separate `q`, `k`, `v` and no bias of the keys (which softmax does not see), as CAE's regressor has it:
 * `q.weight`, `q_bias`, `k.weight`, `v.weight`, `v_bias`, `proj`. All inputs are already normalised.
 * @returns [B·Nq, D]
 */
export function separateAttention(parameters: Tensors, name: string, { queries, keys, values }: Asked, batch: number, heads: number): tf.Tensor {
  const apart = (x: tf.Tensor): tf.Tensor => splitHeads(x, 1, { batch, tokens: x.shape[0]! / batch, heads })[0]!;
  const of = (part: string): tf.Tensor => tensorOf(parameters, `${name}.${part}`);
  const weights = attentionWeights(apart(linear(queries, of('q.weight'), of('q_bias'))), apart(linear(keys, of('k.weight'))));
  return linearOf(parameters, `${name}.proj`, mergeHeads(tf.matMul(weights, apart(linear(values, of('v.weight'), of('v_bias'))))));
}

/**
 * How much CLS looks at each patch: mean over heads, query 0, patch keys; not renormalised.
 * @param weights [B, H, Nq, N] with CLS as the first query
 * @param skip tokens before the first patch (1 + registers)
 * @returns [B, L]
 */
export function clsAttention(weights: tf.Tensor, skip: number): tf.Tensor {
  const [batch, heads, , tokens] = weights.shape as [number, number, number, number];
  const patches = tokens - skip;
  const rows = tf.slice(weights, [0, 0, 0, skip], [batch, heads, 1, patches]);
  return tf.mean(tf.reshape(rows, [batch, heads, patches]), 1);
}

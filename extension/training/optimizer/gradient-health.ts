/** How large gradients and updates are, block by block: what vanishes, explodes or stands still. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { globalNorm } from './gradient-norm';

/** Of a norm of nothing. */
const SMALLEST = 1e-30;

/** What the blocks of a student have beside them. */
export interface StudentParts {
  readonly depth: number;
  /** The mask token enters the encoder, and not a decoder. */
  readonly masksInput: boolean;
}

/**
 * Names of the parameters by part: the embedding (CLS token, patches, a mask token that enters the encoder), each block, and what follows
 * them (final norm, heads, decoder). A part of which nothing is trained is empty.
 * @returns depth + 2 lists
 */
export function partsOf(names: readonly string[], { depth, masksInput }: StudentParts): string[][] {
  const parts: string[][] = Array.from({ length: depth + 2 }, () => []);
  for (const name of names) {
    const block = /^blocks\.(\d+)\./.exec(name)?.[1];
    const isEmbedding = name === 'cls_token' || name.startsWith('patch_embed.') || (masksInput && name === 'method.mask_token');
    parts[block !== undefined ? Number(block) + 1 : isEmbedding ? 0 : depth + 1]!.push(name);
  }
  return parts;
}

/** ‖·‖ of each part, [parts]; 0 of an empty one. @param squares of every parameter's elements */
export function partNorms(parts: readonly (readonly string[])[], squares: Tensors): tf.Tensor {
  return tf.stack(parts.map((names) => (names.length === 0 ? tf.scalar(0) : globalNorm(names.map((name) => tensorOf(squares, name))))));
}

/** ‖θ' − θ‖/‖θ‖ of each part, [parts]; healthy near 1e-3. @param before, after θ and θ' by name */
export function updateRatios(parts: readonly (readonly string[])[], before: Tensors, after: Tensors): tf.Tensor {
  const squaresOf = (value: (name: string) => tf.Tensor): Tensors => Object.fromEntries(parts.flat().map((name) => [name, tf.square(value(name))]));
  const moved = partNorms(parts, squaresOf((name) => tf.sub(tensorOf(after, name), tensorOf(before, name))));
  return tf.div(moved, tf.maximum(partNorms(parts, squaresOf((name) => tensorOf(before, name))), SMALLEST));
}

/** The student: a plain pre-LN ViT with fixed sin-cos positions that sees the whole image or some of its patches. */
import * as tf from '@tensorflow/tfjs-core';
import { plainVit, timmSpecs } from '../../core/checkpoints/teacher-shape';
import type { VitShape } from '../../core/config/schema';
import type { NamedSpecs } from '../../core/tensors';
import { block } from './block';
import { keepsOfBlock } from './drop-path';
import { encodeImages } from './encoder';
import type { EncoderFeatures, EncoderOptions } from './encoder';
import { layerNormOf } from './layer-norm';
import { embedPatches, flatRows, patchify, prependTokens } from './patches';
import type { Tensors } from './tensors';
import { tensorOf } from './tensors';

/** The student's trained tensors. The fixed `pos_embed` is not among them. */
export function vitSpecs(shape: VitShape): NamedSpecs {
  const { pos_embed: _fixed, ...trained } = timmSpecs(plainVit(shape));
  return trained;
}

interface ReplacedPatches {
  /** float32 [B·L, 1]: 1 where a patch is hidden, otherwise 0. */
  readonly hidden: tf.Tensor;
  /** [1, 1, D]: what stands in its place. */
  readonly maskToken: tf.Tensor;
}

interface VisibleInput {
  /** [B, 3, S, S] */
  readonly images: tf.Tensor;
  /** Patches the student sees, [B, K]; all of them, in order, if absent. */
  readonly keepIds?: tf.Tensor;
  /** Instead: all of them, some with a learnt token in their place. */
  readonly replaced?: ReplacedPatches;
  /** Drop-path factors [2·depth, B]. */
  readonly dropPath?: tf.Tensor;
}

/** Tokens [CLS; visible patches] with their positions, [B·(1+K), D]. Patches are gathered before they are embedded. */
function embedVisible(parameters: Tensors, positions: tf.Tensor, shape: VitShape, { images, keepIds, replaced }: VisibleInput): tf.Tensor {
  const batch = images.shape[0]!;
  const patchCount = (shape.imageSize / shape.patchSize) ** 2;
  const patches = patchify(images, shape.patchSize);
  const table = tf.reshape(tf.slice(positions, [0, 1, 0], [1, patchCount, shape.width]), [patchCount, shape.width]);
  const leading = tf.add(tensorOf(parameters, 'cls_token'), tf.slice(positions, [0, 0, 0], [1, 1, shape.width]));
  if (keepIds) {
    const kept = embedPatches(parameters, tf.gather(patches, flatRows(keepIds, patchCount)));
    return prependTokens(leading, tf.add(kept, tf.gather(table, tf.reshape(keepIds, [-1]))), batch);
  }
  const embedded = embedPatches(parameters, patches);
  const all = tf.reshape(replaced ? replacePatches(embedded, replaced) : embedded, [batch, patchCount, shape.width]);
  return prependTokens(leading, tf.reshape(tf.add(all, table), [batch * patchCount, shape.width]), batch);
}

/** x·(1 − m) + mask_token·m, as BEiT and SimMIM do before the positions are added. @param x [B·L, D] */
function replacePatches(x: tf.Tensor, { hidden, maskToken }: ReplacedPatches): tf.Tensor {
  return tf.add(tf.mul(x, tf.sub(1, hidden)), tf.mul(hidden, tf.reshape(maskToken, [1, x.shape[1]!])));
}

/**
 * Raw outputs of the first `depth` blocks, h_1 … h_depth, each [B·(1+K), D]: the residual stream, before the final norm.
 * @param positions `pos_embed`, [1, 1+L, D]
 */
export function hiddenStates(parameters: Tensors, positions: tf.Tensor, shape: VitShape, input: VisibleInput, depth = shape.depth): tf.Tensor[] {
  return residualStream(parameters, positions, shape, input, depth).slice(1);
}

/** The same with what enters the first block before them, h_0 … h_depth: the embedded tokens with their positions. */
export function residualStream(parameters: Tensors, positions: tf.Tensor, shape: VitShape, input: VisibleInput, depth = shape.depth): tf.Tensor[] {
  const architecture = plainVit(shape);
  const batch = input.images.shape[0]!;
  const states = [embedVisible(parameters, positions, shape, input)];
  for (let i = 0; i < depth; i++) {
    states.push(block(parameters, `blocks.${i}`, states[i]!, architecture, batch, keepsOfBlock(input.dropPath, shape.dropPath, shape.depth, i)).output);
  }
  return states;
}

/** Tokens [CLS; patches] after the last block and the final norm, [B·(1+K), D]. */
export function encode(parameters: Tensors, positions: tf.Tensor, shape: VitShape, input: VisibleInput): tf.Tensor {
  const states = hiddenStates(parameters, positions, shape, input);
  return layerNormOf(parameters, 'norm', states[states.length - 1]!, plainVit(shape).normEps);
}

/**
 * Features of whole images, for evaluation.
 * @param parameters the student's tensors with `pos_embed`
 * @param images [B, 3, S, S], normalised as in training
 */
export function vitFeatures(parameters: Tensors, shape: VitShape, images: tf.Tensor, options?: EncoderOptions): EncoderFeatures {
  return encodeImages(parameters, plainVit(shape), images, options);
}

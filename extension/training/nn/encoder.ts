/** Whole images through a ViT of any family (students, CLIP, DINO, DINOv2, MAE). */
import * as tf from '@tensorflow/tfjs-core';
import { clsAttention } from './attention';
import type { Architecture } from './block';
import { block } from './block';
import { keepsOfBlock } from './drop-path';
import { layerNormOf } from './layer-norm';
import { embedPatches, patchify, prependTokens } from './patches';
import type { Tensors } from './tensors';
import { tensorOf } from './tensors';

export interface EncoderOptions {
  /** Also return the output of every block. */
  readonly hidden?: boolean;
  /** Also return the CLS attention of the last block. */
  readonly attention?: boolean;
  /**
   * Sees every block's raw output, [B, 1+R+L, D], and its attention, [B, H, 1+R+L, 1+R+L].
   * @param level 0-based
   */
  readonly visit?: (level: number, output: tf.Tensor3D, attention: tf.Tensor) => void;
  /** Also summarise the tokens after these blocks, counted from 1. */
  readonly layers?: readonly number[];
}

/** An image in few numbers, from its tokens after the final norm. */
export interface TokenSummaries {
  /** CLS, [B, D]. */
  readonly cls: tf.Tensor2D;
  /** Mean of the patch tokens, [B, D]. */
  readonly mean: tf.Tensor2D;
  /** The patch tokens, [B, L, D]. */
  readonly patches: tf.Tensor3D;
}

export interface EncoderFeatures extends TokenSummaries {
  /**
   * Summaries after the blocks that were asked for. The final norm is applied to each, as DINO's
   * `get_intermediate_layers` does; after the last block they are `cls` and `mean`.
   */
  readonly layers: ReadonlyMap<number, TokenSummaries>;
  /** Raw outputs of the blocks, [B, 1+R+L, D] each, before the final norm. */
  readonly hidden?: tf.Tensor3D[];
  /** Attention of the CLS query to the patches in the last block, mean over heads, [B, L]. */
  readonly clsAttention?: tf.Tensor2D;
}

/** Tokens before the first patch: CLS and the registers. */
export function leadingTokens(architecture: Architecture): number {
  return 1 + architecture.registers;
}

/**
 * Tokens [CLS; registers; patches] with their positions, [B·(1+R+L), D], after `norm_pre` where the family has one.
 *
 * `pos_embed` has a row for CLS and every patch, or for the patches alone (timm's DINOv2 with registers);
 * registers have no position.
 * @param images [B, 3, S, S], S = grid · patch of this architecture
 */
export function embedImages(tensors: Tensors, architecture: Architecture, images: tf.Tensor): tf.Tensor {
  const { width, registers, patchSize } = architecture;
  const batch = images.shape[0]!;
  const patchCount = (images.shape[2]! / patchSize) ** 2;
  const table = tensorOf(tensors, 'pos_embed');
  const clsRows = table.shape[1]! - patchCount;
  const patchRows = clsRows === 0 ? table : tf.slice(table, [0, clsRows, 0], [1, patchCount, width]);
  const cls = tensorOf(tensors, 'cls_token');
  const placedCls = clsRows === 0 ? cls : tf.add(cls, tf.slice(table, [0, 0, 0], [1, 1, width]));
  const leading = registers === 0 ? placedCls : tf.concat([placedCls, tensorOf(tensors, 'reg_token')], 1);
  const embedded = tf.reshape(embedPatches(tensors, patchify(images, patchSize)), [batch, patchCount, width]);
  const tokens = prependTokens(leading, tf.reshape(tf.add(embedded, patchRows), [batch * patchCount, width]), batch);
  return architecture.prenorm ? layerNormOf(tensors, 'norm_pre', tokens, architecture.normEps) : tokens;
}

/**
 * Tokens [CLS; registers; patches] after the last block, before the final norm, [B·(1+R+L), D]: what is trained further.
 * @param images [B, 3, S, S]
 * @param dropPath factors [2·depth, B]; absent: no branch is dropped
 */
export function encodeTokens(tensors: Tensors, architecture: Architecture, images: tf.Tensor, dropPath?: tf.Tensor): tf.Tensor {
  const { depth, dropPath: rate } = architecture;
  let x = embedImages(tensors, architecture, images);
  for (let i = 0; i < depth; i++) x = block(tensors, `blocks.${i}`, x, architecture, images.shape[0]!, keepsOfBlock(dropPath, rate, depth, i)).output;
  return x;
}

/** Every block, the final norm, and the two usual summaries of an image. */
export function encodeImages(tensors: Tensors, architecture: Architecture, images: tf.Tensor, options: EncoderOptions = {}): EncoderFeatures {
  const batch = images.shape[0]!;
  const { width, depth } = architecture;
  const skip = leadingTokens(architecture);
  let x = embedImages(tensors, architecture, images);
  const tokens = x.shape[0]! / batch;
  const summarise = (state: tf.Tensor): TokenSummaries => {
    const normed = tf.reshape(layerNormOf(tensors, 'norm', state, architecture.normEps), [batch, tokens, width]);
    const patches = tf.slice(normed, [0, skip, 0], [batch, tokens - skip, width]) as tf.Tensor3D;
    return {
      cls: tf.reshape(tf.slice(normed, [0, 0, 0], [batch, 1, width]), [batch, width]),
      mean: tf.mean(patches, 1),
      patches,
    };
  };
  const hidden: tf.Tensor3D[] = [];
  const layers = new Map<number, TokenSummaries>();
  let attention: tf.Tensor | undefined;
  for (let i = 0; i < depth; i++) {
    const done = block(tensors, `blocks.${i}`, x, architecture, batch);
    ({ output: x, attention } = done);
    if (options.hidden) hidden.push(tf.reshape(x, [batch, tokens, width]));
    options.visit?.(i, tf.reshape(x, [batch, tokens, width]), done.attention);
    if (options.layers?.includes(i + 1)) layers.set(i + 1, summarise(x));
  }
  return {
    ...summarise(x),
    layers,
    ...(options.hidden ? { hidden } : {}),
    ...(options.attention && attention ? { clsAttention: clsAttention(attention, skip) as tf.Tensor2D } : {}),
  };
}

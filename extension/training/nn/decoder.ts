/**
 * Transformer decoders behind an encoder that saw the visible patches, under the names of the official MAE checkpoints
 * with `method.` before them: `decoder_embed`, `mask_token`, `decoder_blocks.{i}.…`, `decoder_norm`, `decoder_pred`.
 *
 * A transformer does not care about the order of its tokens once they have their positions. So nothing is sorted back:
 * tokens stand as [CLS; visible; masked], and whoever computes a loss puts its targets into that order.
 */
import * as tf from '@tensorflow/tfjs-core';
import { plainVit, timmSpecs } from '../../core/checkpoints/teacher-shape';
import type { DecoderShape } from '../../core/config/schema';
import type { NamedSpecs } from '../../core/tensors';
import { contextAttention } from './attention';
import type { Architecture } from './block';
import { block, mlp } from './block';
import { layerNormOf, layerNormSpecs } from './layer-norm';
import { linearOf, linearSpecs } from './linear';
import { concatRows, tableRows } from './rows';
import type { Tensors } from './tensors';
import { tensorOf } from './tensors';

export const MLP_RATIO = 4;

export interface DecoderInput {
  /** Encoder's tokens [CLS; visible] after its final norm, [B·(1+K), D]. */
  readonly encoded: tf.Tensor;
  /** int32 [B, K] */
  readonly keepIds: tf.Tensor;
  /** int32 [B, M] */
  readonly maskedIds: tf.Tensor;
  /** The decoder's fixed table, [1, 1+L, Dd], CLS first. */
  readonly positions: tf.Tensor;
}

/** @param outputs numbers predicted a token */
export function decoderSpecs(decoder: DecoderShape, encoderWidth: number, outputs: number): NamedSpecs {
  const { width } = decoder;
  return {
    ...linearSpecs('method.decoder_embed', width, encoderWidth),
    'method.mask_token': { shape: [1, 1, width], dtype: 'float32' },
    ...transformerBlockSpecs(decoder, 'method.decoder_'),
    ...layerNormSpecs('method.decoder_norm', width),
    ...linearSpecs('method.decoder_pred', outputs, width),
  };
}

/** The decoder's transformer blocks, `<prefix>blocks.{i}.…`: of a ViT of its size, only the blocks. */
export function transformerBlockSpecs(decoder: DecoderShape, prefix: string): NamedSpecs {
  const specs = timmSpecs({ ...decoderArchitecture(decoder), imageMean: [0, 0, 0], imageStd: [1, 1, 1] });
  return Object.fromEntries(Object.entries(specs).flatMap(([name, spec]) => (name.startsWith('blocks.') ? [[prefix + name, spec]] : [])));
}

/** Blocks as the official decoders have them, at the decoder's size. */
export function decoderArchitecture({ width, depth, heads }: DecoderShape): Architecture {
  return plainVit({ imageSize: 1, patchSize: 1, width, depth, heads, mlpRatio: MLP_RATIO, dropPath: 0 });
}

/**
 * MAE's decoder: self-attention among visible tokens and mask tokens alike.
 * @returns after the last block, [CLS; visible; masked], [B·(1+L), Dd], before `decoder_norm`
 */
export function selfDecoder(parameters: Tensors, decoder: DecoderShape, input: DecoderInput): tf.Tensor {
  const architecture = decoderArchitecture(decoder);
  const batch = input.keepIds.shape[0]!;
  let x = concatRows(placedVisible(parameters, input), placedMaskTokens(parameters, input), batch);
  for (let i = 0; i < decoder.depth; i++) x = block(parameters, `method.decoder_blocks.${i}`, x, architecture, batch).output;
  return x;
}

/**
 * MILAN's prompting decoder: only the mask tokens ask and change; keys and values are theirs, normalised, and those of the
 * visible tokens as they left `decoder_embed`, the same in every block.
 * @returns [CLS; visible; masked], [B·(1+L), Dd], before `decoder_norm`; the visible ones unchanged
 */
export function promptDecoder(parameters: Tensors, decoder: DecoderShape, input: DecoderInput): tf.Tensor {
  const architecture = decoderArchitecture(decoder);
  const batch = input.keepIds.shape[0]!;
  const visible = placedVisible(parameters, input);
  let masked = placedMaskTokens(parameters, input);
  for (let i = 0; i < decoder.depth; i++) {
    const name = `method.decoder_blocks.${i}`;
    const queries = layerNormOf(parameters, `${name}.norm1`, masked, architecture.normEps);
    masked = tf.add(masked, contextAttention(parameters, `${name}.attn`, queries, concatRows(visible, queries, batch), batch, decoder.heads));
    masked = tf.add(masked, mlp(parameters, `${name}.mlp`, layerNormOf(parameters, `${name}.norm2`, masked, architecture.normEps), architecture));
  }
  return concatRows(visible, masked, batch);
}

/** `decoder_pred(decoder_norm(x))`. */
export function decoderPrediction(parameters: Tensors, x: tf.Tensor): tf.Tensor {
  return linearOf(parameters, 'method.decoder_pred', layerNormOf(parameters, 'method.decoder_norm', x, 1e-6));
}

/** [CLS; visible] at the decoder's width, with positions, [B·(1+K), Dd]. */
export function placedVisible(parameters: Tensors, { encoded, keepIds, positions }: Omit<DecoderInput, 'maskedIds'>, embed = 'method.decoder_embed'): tf.Tensor {
  const cls = tf.zeros([keepIds.shape[0]!, 1], 'int32');
  return tf.add(linearOf(parameters, embed, encoded), tableRows(positions, tf.concat([cls, afterCls(keepIds)], 1)));
}

/** The mask token at every masked place, [B·M, Dd]. */
export function placedMaskTokens(parameters: Tensors, { maskedIds, positions }: Pick<DecoderInput, 'maskedIds' | 'positions'>): tf.Tensor {
  const width = positions.shape[2]!;
  return tf.add(tf.reshape(tensorOf(parameters, 'method.mask_token'), [1, width]), tableRows(positions, afterCls(maskedIds)));
}

/** Rows of a table whose first is that of CLS. */
function afterCls(ids: tf.Tensor): tf.Tensor {
  return tf.add(ids, tf.scalar(1, 'int32'));
}

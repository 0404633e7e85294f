/**
 * CrossMAE's decoder, under the names of the official checkpoints with `method.` before them: mask tokens ask the encoder's
 * tokens and never each other, so each is predicted by itself. Every block reads its own mixture of the encoder's levels:
 * `wfm.linear` (weighted feature maps, [blocks, levels]), `dec_norms.{i}`, `decoder_blocks.{i}.{norm1, cross_attn, norm2, mlp}`.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { DecoderShape } from '../../core/config/schema';
import type { NamedSpecs } from '../../core/tensors';
import { crossAttention } from './attention';
import { mlp } from './block';
import { MLP_RATIO, decoderArchitecture, placedMaskTokens } from './decoder';
import { layerNormOf, layerNormSpecs } from './layer-norm';
import { linearSpecs } from './linear';
import { mixtures } from './mixture';
import type { Tensors } from './tensors';
import { tensorOf } from './tensors';

const FEATURE_WEIGHTS = 'method.wfm.linear.weight';

interface CrossDecoderInput {
  /** The encoder's levels: its input and the output of every block, each [B·(1+K), D]. */
  readonly levels: readonly tf.Tensor[];
  /** Patches to predict, int32 [B, P]. */
  readonly maskedIds: tf.Tensor;
  /** The decoder's fixed table, [1, 1+L, Dd], CLS first. */
  readonly positions: tf.Tensor;
}

/** @param levels of the encoder, its input included @param outputs numbers predicted a token */
export function crossDecoderSpecs(decoder: DecoderShape, encoderWidth: number, levels: number, outputs: number): NamedSpecs {
  const { width, depth } = decoder;
  const blocks = Array.from({ length: depth }, (_, i) => blockSpecs(`method.decoder_blocks.${i}`, width, encoderWidth));
  const norms = Array.from({ length: depth }, (_, i) => layerNormSpecs(`method.dec_norms.${i}`, encoderWidth));
  return {
    'method.mask_token': { shape: [1, 1, width], dtype: 'float32' },
    [FEATURE_WEIGHTS]: { shape: [depth, levels], dtype: 'float32' },
    ...Object.assign({}, ...norms, ...blocks),
    ...layerNormSpecs('method.decoder_norm', width),
    ...linearSpecs('method.decoder_pred', outputs, width),
  };
}

function blockSpecs(name: string, width: number, encoderWidth: number): NamedSpecs {
  return {
    ...layerNormSpecs(`${name}.norm1`, width),
    ...linearSpecs(`${name}.cross_attn.q`, width, width),
    ...linearSpecs(`${name}.cross_attn.kv`, 2 * width, encoderWidth),
    ...linearSpecs(`${name}.cross_attn.proj`, width, width),
    ...layerNormSpecs(`${name}.norm2`, width),
    ...linearSpecs(`${name}.mlp.fc1`, MLP_RATIO * width, width),
    ...linearSpecs(`${name}.mlp.fc2`, width, MLP_RATIO * width),
  };
}

/** @returns the tokens of the patches to predict after the last block, [B·P, Dd], before `decoder_norm` */
export function crossDecoder(parameters: Tensors, decoder: DecoderShape, { levels, maskedIds, positions }: CrossDecoderInput): tf.Tensor {
  const architecture = decoderArchitecture(decoder);
  const { normEps } = architecture;
  const batch = maskedIds.shape[0]!;
  const contexts = mixtures(tensorOf(parameters, FEATURE_WEIGHTS), levels);
  let x = placedMaskTokens(parameters, { maskedIds, positions });
  for (let i = 0; i < decoder.depth; i++) {
    const name = `method.decoder_blocks.${i}`;
    const context = layerNormOf(parameters, `method.dec_norms.${i}`, contexts[i]!, normEps);
    x = tf.add(x, crossAttention(parameters, `${name}.cross_attn`, layerNormOf(parameters, `${name}.norm1`, x, normEps), context, batch, decoder.heads));
    x = tf.add(x, mlp(parameters, `${name}.mlp`, layerNormOf(parameters, `${name}.norm2`, x, normEps), architecture));
  }
  return x;
}

/**
 * CAE's latent contextual regressor and decoder, under the names of the official checkpoints' `pretext_neck` with `method.` before
 * them: `regressor_blocks.{i}.{norm1_q, norm1_k, norm1_v, cross_attn, norm2_cross, mlp_cross}`, `norm`, `decoder_blocks.{i}.…`, `norm2`,
 * `lm_head` (officially `head`); and `encoder_to_decoder`, `encoder_to_decoder_norm` where its width is not the student's.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { DecoderShape } from '../../core/config/schema';
import type { NamedSpecs } from '../../core/tensors';
import { separateAttention } from './attention';
import { block, mlp } from './block';
import { MLP_RATIO, decoderArchitecture, transformerBlockSpecs } from './decoder';
import { layerNormOf, layerNormSpecs } from './layer-norm';
import { linearOf, linearSpecs } from './linear';
import { concatRows } from './rows';
import type { Tensors } from './tensors';
import { tensorOf } from './tensors';

const NORM_EPS = 1e-6;

/** @param decoder `depth` blocks of the regressor, and as many of the decoder @param outputs numbers predicted a token */
export function regressorSpecs(decoder: DecoderShape, encoderWidth: number, outputs: number): NamedSpecs {
  const { width, depth } = decoder;
  return {
    ...(width === encoderWidth ? {} : { ...linearSpecs('method.encoder_to_decoder', width, encoderWidth), ...layerNormSpecs('method.encoder_to_decoder_norm', width) }),
    'method.mask_token': { shape: [1, 1, width], dtype: 'float32' },
    ...Object.assign({}, ...Array.from({ length: depth }, (_, i) => regressorBlockSpecs(`method.regressor_blocks.${i}`, width))),
    ...layerNormSpecs('method.norm', width),
    ...transformerBlockSpecs(decoder, 'method.decoder_'),
    ...layerNormSpecs('method.norm2', width),
    ...linearSpecs('method.lm_head', outputs, width),
  };
}

function regressorBlockSpecs(name: string, width: number): NamedSpecs {
  const attention = `${name}.cross_attn`;
  const matrix = { shape: [width, width], dtype: 'float32' } as const;
  const bias = { shape: [width], dtype: 'float32' } as const;
  return {
    ...Object.assign({}, ...['norm1_q', 'norm1_k', 'norm1_v', 'norm2_cross'].map((norm) => layerNormSpecs(`${name}.${norm}`, width))),
    [`${attention}.q.weight`]: matrix,
    [`${attention}.q_bias`]: bias,
    [`${attention}.k.weight`]: matrix,
    [`${attention}.v.weight`]: matrix,
    [`${attention}.v_bias`]: bias,
    ...linearSpecs(`${attention}.proj`, width, width),
    ...linearSpecs(`${name}.mlp_cross.fc1`, MLP_RATIO * width, width),
    ...linearSpecs(`${name}.mlp_cross.fc2`, width, MLP_RATIO * width),
  };
}

/** The encoder's tokens at the regressor's width. @param encoded [rows, D]; @returns [rows, Dd] */
export function toDecoderWidth(parameters: Tensors, encoded: tf.Tensor): tf.Tensor {
  if (!parameters['method.encoder_to_decoder.weight']) return encoded;
  return layerNormOf(parameters, 'method.encoder_to_decoder_norm', linearOf(parameters, 'method.encoder_to_decoder', encoded), NORM_EPS);
}

interface RegressorInput {
  /** Latents of the visible patches, without CLS, [B·K, Dd]. */
  readonly visible: tf.Tensor;
  /** Positions of the visible patches, [B·K, Dd]. */
  readonly visiblePlaces: tf.Tensor;
  /** Positions of the masked patches, [B·M, Dd]. */
  readonly maskedPlaces: tf.Tensor;
  readonly batch: number;
}

/** Latents of the masked patches, from those of the visible ones, [B·M, Dd]. */
export function regressLatents(parameters: Tensors, decoder: DecoderShape, { visible, visiblePlaces, maskedPlaces, batch }: RegressorInput): tf.Tensor {
  const architecture = decoderArchitecture(decoder);
  const places = concatRows(visiblePlaces, maskedPlaces, batch);
  let x = tf.add(tf.reshape(tensorOf(parameters, 'method.mask_token'), [1, decoder.width]), tf.zerosLike(maskedPlaces));
  for (let i = 0; i < decoder.depth; i++) {
    const name = `method.regressor_blocks.${i}`;
    const norm = (part: string, y: tf.Tensor): tf.Tensor => layerNormOf(parameters, `${name}.${part}`, y, NORM_EPS);
    const all = concatRows(visible, x, batch);
    const asked = { queries: norm('norm1_q', tf.add(x, maskedPlaces)), keys: norm('norm1_k', tf.add(all, places)), values: norm('norm1_v', all) };
    x = norm('norm2_cross', tf.add(x, separateAttention(parameters, `${name}.cross_attn`, asked, batch, decoder.heads)));
    x = tf.add(x, mlp(parameters, `${name}.mlp_cross`, x, architecture));
  }
  return layerNormOf(parameters, 'method.norm', x, NORM_EPS);
}

/** What the decoder makes of regressed latents, which see each other alone, [B·M, outputs]. */
export function decodeLatents(parameters: Tensors, decoder: DecoderShape, latents: tf.Tensor, maskedPlaces: tf.Tensor, batch: number): tf.Tensor {
  const architecture = decoderArchitecture(decoder);
  let x = tf.add(latents, maskedPlaces);
  for (let i = 0; i < decoder.depth; i++) x = block(parameters, `method.decoder_blocks.${i}`, x, architecture, batch).output;
  return linearOf(parameters, 'method.lm_head', layerNormOf(parameters, 'method.norm2', x, NORM_EPS));
}

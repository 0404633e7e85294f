/**
 * I-JEPA's predictor, a narrow transformer under the names of the official checkpoints with `method.` before them:
 * `predictor_embed`, `mask_token`, `predictor_blocks.{i}.…`, `predictor_norm`, `predictor_proj`. For each target it is asked anew:
 * the context's tokens and one mask token for every patch of that target attend to each other.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { DecoderShape } from '../../core/config/schema';
import type { NamedSpecs } from '../../core/tensors';
import { block } from './block';
import { decoderArchitecture, placedMaskTokens, placedVisible, transformerBlockSpecs } from './decoder';
import { layerNormOf, layerNormSpecs } from './layer-norm';
import { linearOf, linearSpecs } from './linear';
import { concatRows, sliceRows } from './rows';
import type { Tensors } from './tensors';

interface PredictorInput {
  /** Encoder's tokens [CLS; context] after its final norm, [B·(1+K), D]. */
  readonly encoded: tf.Tensor;
  /** int32 [B, K] */
  readonly keepIds: tf.Tensor;
  /** Patches of all targets, one target after another, int32 [B, T·P]. */
  readonly targetIds: tf.Tensor;
  /** T. */
  readonly targets: number;
  /** The predictor's fixed table, [1, 1+L, Dp], CLS first. */
  readonly positions: tf.Tensor;
}

/** @param outputs numbers predicted a token */
export function predictorSpecs(predictor: DecoderShape, encoderWidth: number, outputs: number): NamedSpecs {
  const { width } = predictor;
  return {
    ...linearSpecs('method.predictor_embed', width, encoderWidth),
    'method.mask_token': { shape: [1, 1, width], dtype: 'float32' },
    ...transformerBlockSpecs(predictor, 'method.predictor_'),
    ...layerNormSpecs('method.predictor_norm', width),
    ...linearSpecs('method.predictor_proj', outputs, width),
  };
}

/** @returns at every patch of every target, image by image in the order of `targetIds`, [B·T·P, outputs] */
export function predictTargets(parameters: Tensors, predictor: DecoderShape, { encoded, keepIds, targetIds, targets, positions }: PredictorInput): tf.Tensor {
  const architecture = decoderArchitecture(predictor);
  const { width, depth } = predictor;
  const batch = keepIds.shape[0]!;
  const size = targetIds.shape[1]! / targets;
  const context = placedVisible(parameters, { encoded, keepIds, positions }, 'method.predictor_embed');
  const asked = placedMaskTokens(parameters, { maskedIds: targetIds, positions });
  // One row of images for each target: [B·T] sequences of [context; target].
  let x = concatRows(repeatImages(context, batch, targets), asked, batch * targets);
  for (let i = 0; i < depth; i++) x = block(parameters, `method.predictor_blocks.${i}`, x, architecture, batch * targets).output;
  const answers = sliceRows(x, batch * targets, context.shape[0]! / batch, size);
  return linearOf(parameters, 'method.predictor_proj', layerNormOf(parameters, 'method.predictor_norm', tf.reshape(answers, [batch * targets * size, width]), architecture.normEps));
}

/** Each image's rows `times` over, one after another. @param x [B·N, D]; @returns [B·times·N, D] */
function repeatImages(x: tf.Tensor, batch: number, times: number): tf.Tensor {
  const [rows, width] = x.shape as [number, number];
  const images = tf.reshape(x, [batch, 1, rows / batch, width]);
  return tf.reshape(tf.concat(Array.from({ length: times }, () => images), 1), [rows * times, width]);
}

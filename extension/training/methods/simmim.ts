/**
 * SimMIM: A Simple Framework for Masked Image Modeling (Xie et al., CVPR 2022, arXiv 2111.09886), as the official code does it
 * (microsoft/SimMIM, models/simmim.py). Inpainting-style reconstruction: mask tokens stand for the hidden patches in the encoder,
 * which sees every place; one linear layer predicts raw pixels.
 *
 * The official 1×1 convolution and pixel shuffle are a linear layer a token. The official ViT has a relative position bias
 * shared by its blocks and no absolute positions; students here have fixed sin-cos positions instead.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { MaskingConfig, ReconstructionConfig, VitShape } from '../../core/config/schema';
import { createMasking } from '../masking/create';
import type { MaskingStrategy } from '../masking/strategy';
import { linearOf, linearSpecs } from '../nn/linear';
import { flatRows, patchify } from '../nn/patches';
import { indicator, sliceRows } from '../nn/rows';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { encode } from '../nn/vit';
import { reconstructionLoss } from './distances';
import type { LossAndReadings, Reconstruction } from './method';
import { normalisePatches } from './pixel-targets';
import { StudentMethod } from './student-method';

export interface SimMimOptions {
  readonly student: VitShape;
  readonly masking: MaskingConfig;
  readonly reconstruction: ReconstructionConfig;
  /** Patches that stay visible. */
  readonly keepCount: number;
}

export class SimMim extends StudentMethod {
  readonly name = 'simmim';
  private readonly masking: MaskingStrategy;
  private readonly patchCount: number;

  constructor(private readonly options: SimMimOptions) {
    const { student, keepCount } = options;
    const patchCount = (student.imageSize / student.patchSize) ** 2;
    const masking = createMasking(options.masking, patchCount, keepCount);
    super({
      student,
      masking,
      heads: { 'method.mask_token': { shape: [1, 1, student.width], dtype: 'float32' }, ...linearSpecs('method.decoder', 3 * student.patchSize ** 2, student.width) },
    });
    this.masking = masking;
    this.patchCount = patchCount;
  }

  /**
   * Mean absolute error over the pixels and channels of the masked patches: the official sum over masked pixels, divided by
   * their number and by 3 channels. Reading: `keepIds` int32 [B, keep].
   */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { reconstruction, student } = this.options;
    const split = this.masking.split(batch, undefined);
    const hidden = indicator(split.maskedIds, this.patchCount);
    const predicted = this.predict(parameters, batch, constants, hidden);
    const pixels = patchify(tensorOf(batch, 'images'), student.patchSize);
    const target = reconstruction.norm_pix ? normalisePatches(pixels) : pixels;
    const loss = reconstructionLoss(reconstruction.loss, predicted, target, { counted: hidden, count: split.maskedIds.size });
    return { loss, readings: { keepIds: split.keepIds } };
  }

  reconstruct(parameters: Tensors, batch: Tensors, constants: Tensors): Reconstruction {
    const { reconstruction, student } = this.options;
    const split = this.masking.split(batch, undefined);
    const [images, masked] = split.maskedIds.shape as [number, number];
    const predicted = this.predict(parameters, batch, constants, indicator(split.maskedIds, this.patchCount));
    const hidden = tf.gather(predicted, flatRows(split.maskedIds, this.patchCount));
    return { ...split, predicted: tf.reshape(hidden, [images, masked, 3, student.patchSize, student.patchSize]), normalisedByPatch: reconstruction.norm_pix === true };
  }

  /** Pixels of every patch, [B·L, 3·P·P], in the order (channel, y, x). @param hidden [B·L, 1] */
  private predict(parameters: Tensors, batch: Tensors, constants: Tensors, hidden: tf.Tensor): tf.Tensor {
    const images = tensorOf(batch, 'images');
    const replaced = { hidden, maskToken: tensorOf(parameters, 'method.mask_token') };
    const encoded = encode(parameters, tensorOf(constants, 'pos_embed'), this.options.student, { images, replaced, dropPath: batch['drop_path'] });
    return linearOf(parameters, 'method.decoder', sliceRows(encoded, images.shape[0]!, 1, this.patchCount));
  }
}

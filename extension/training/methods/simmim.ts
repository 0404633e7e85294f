/**
 * SimMIM: A Simple Framework for Masked Image Modeling (Xie et al., CVPR 2022, arXiv 2111.09886), as the official code does it
 * (microsoft/SimMIM, models/simmim.py). Inpainting-style reconstruction: mask tokens stand for the hidden patches in the encoder,
 * which sees every place; one linear layer predicts raw pixels.
 *
 * The official 1×1 convolution and pixel shuffle are a linear layer a token. The official ViT has a relative position bias
 * shared by its blocks and no absolute positions; students here have fixed sin-cos positions instead.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { ReconstructionConfig } from '../../core/config/schema';
import { flatRows, patchify } from '../nn/patches';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { reconstructionLoss } from './distances';
import type { InpaintingOptions } from './inpainting-method';
import { InpaintingMethod } from './inpainting-method';
import type { LossAndReadings, Reconstruction } from './method';
import { normalisePatches } from './pixel-targets';

export interface SimMimOptions extends InpaintingOptions {
  readonly reconstruction: ReconstructionConfig;
}

export class SimMim extends InpaintingMethod {
  readonly name = 'simmim';

  /** The linear layer predicts in the order (channel, y, x). */
  constructor(private readonly options: SimMimOptions) {
    super(options, { name: 'method.decoder', outputs: 3 * options.student.patchSize ** 2 });
  }

  /**
   * Mean absolute error over the pixels and channels of the masked patches: the official sum over masked pixels, divided by
   * their number and by 3 channels. Reading: `keepIds` int32 [B, keep].
   */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { reconstruction, student } = this.options;
    const { keepIds, maskedIds } = this.masking.split(batch, undefined);
    const { predicted, where } = this.inpaint(parameters, batch, constants, maskedIds);
    const pixels = patchify(tensorOf(batch, 'images'), student.patchSize);
    const target = reconstruction.norm_pix ? normalisePatches(pixels) : pixels;
    return { loss: reconstructionLoss(reconstruction.loss, predicted, target, where), readings: { keepIds } };
  }

  reconstruct(parameters: Tensors, batch: Tensors, constants: Tensors): Reconstruction {
    const { reconstruction, student } = this.options;
    const split = this.masking.split(batch, undefined);
    const [images, masked] = split.maskedIds.shape as [number, number];
    const { predicted } = this.inpaint(parameters, batch, constants, split.maskedIds);
    const hidden = tf.gather(predicted, flatRows(split.maskedIds, this.patchCount));
    return { ...split, predicted: tf.reshape(hidden, [images, masked, 3, student.patchSize, student.patchSize]), normalisedByPatch: reconstruction.norm_pix === true };
  }
}

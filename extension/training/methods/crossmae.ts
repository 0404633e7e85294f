/**
 * CrossMAE: Rethinking Patch Dependence for Masked Autoencoders (Fu et al., arXiv 2401.14391), as the official code does it
 * (TonyLianLong/CrossMAE, models_cross.py, with `--cross_mae --weight_fm --use_input`). Decoder-style reconstruction of pixels as
 * in MAE, but the decoder's tokens ask the encoder alone. So a share of the hidden patches can be left out (`kept_mask_ratio`),
 * and each block of the decoder reads its own mixture of the encoder's levels.
 *
 * The encoder's final norm is not read, as in the official code. Its mixture is drawn from N(0, 1/k) there and then, with every
 * other linear layer, drawn anew by Xavier's rule; so it begins by that rule here too.
 */
import * as tf from '@tensorflow/tfjs-core';
import { predictedCount } from '../../core/config/keep-count';
import type { DecoderShape, MaskingConfig, ReconstructionConfig, VitShape } from '../../core/config/schema';
import type { HostTensor } from '../../core/tensors';
import { int32 } from '../../core/tensors';
import { createMasking } from '../masking/create';
import type { MaskingStrategy, Split } from '../masking/strategy';
import { crossDecoder, crossDecoderSpecs } from '../nn/cross-decoder';
import { decoderPrediction } from '../nn/decoder';
import { sinCosPositions } from '../nn/positions';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { residualStream } from '../nn/vit';
import type { RandomStream } from '../random';
import { reconstructionLoss } from './distances';
import type { LossAndReadings, Reconstruction } from './method';
import { maskedPixels, pixelReconstruction } from './pixel-targets';
import { StudentMethod } from './student-method';

export interface CrossMaeOptions {
  readonly student: VitShape;
  readonly decoder: DecoderShape;
  readonly masking: MaskingConfig;
  readonly reconstruction: ReconstructionConfig;
  /** Patches that stay visible. */
  readonly keepCount: number;
}

export class CrossMae extends StudentMethod {
  readonly name = 'crossmae';
  private readonly masking: MaskingStrategy;
  /** Hidden patches with a loss. */
  private readonly predicted: number;

  constructor(private readonly options: CrossMaeOptions) {
    const { student, decoder, keepCount } = options;
    const { ratio } = options.masking;
    const grid = student.imageSize / student.patchSize;
    const masking = createMasking(options.masking, grid ** 2, keepCount);
    super({
      student,
      masking,
      heads: crossDecoderSpecs(decoder, student.width, student.depth + 1, 3 * student.patchSize ** 2),
      constants: { decoder_pos_embed: sinCosPositions(decoder.width, grid) },
    });
    this.masking = masking;
    this.predicted = predictedCount(grid ** 2, keepCount, ratio, decoder.kept_mask_ratio ?? ratio);
  }

  override reads(name: string): boolean {
    return !name.startsWith('norm.');
  }

  /** The first of the masked patches are predicted, so their order is drawn, also where a strategy lists them in reading order. */
  override draw(random: RandomStream, microBatch: number): Record<string, HostTensor> {
    const drawn = super.draw(random, microBatch);
    return { ...drawn, masked_ids: shuffledRows(random, drawn['masked_ids']!) };
  }

  /** Mean squared error of the predicted patches. Reading: `keepIds` int32 [B, keep]. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { keepIds, maskedIds } = this.masking.split(batch, undefined);
    const split = { keepIds, maskedIds: tf.slice(maskedIds, [0, 0], [maskedIds.shape[0]!, this.predicted]) };
    const loss = reconstructionLoss(this.options.reconstruction.loss, this.predict(parameters, batch, constants, split), maskedPixels(tensorOf(batch, 'images'), split, this.options));
    return { loss, readings: { keepIds } };
  }

  /** Of every hidden patch, also those that the loss leaves out. */
  reconstruct(parameters: Tensors, batch: Tensors, constants: Tensors): Reconstruction {
    const split = this.masking.split(batch, undefined);
    return pixelReconstruction(this.predict(parameters, batch, constants, split), split, this.options);
  }

  /** Pixels of the patches in `maskedIds`, [B·P, P·P·3], in the order (y, x, channel). */
  private predict(parameters: Tensors, batch: Tensors, constants: Tensors, { keepIds, maskedIds }: Split): tf.Tensor {
    const { student, decoder } = this.options;
    const levels = residualStream(parameters, tensorOf(constants, 'pos_embed'), student, { images: tensorOf(batch, 'images'), keepIds, dropPath: batch['drop_path'] });
    return decoderPrediction(parameters, crossDecoder(parameters, decoder, { levels, maskedIds, positions: tensorOf(constants, 'decoder_pos_embed') }));
  }
}

/** @param ids int32 [B, M] */
function shuffledRows(random: RandomStream, { shape, data }: HostTensor): HostTensor {
  const [images, count] = shape as [number, number];
  const shuffled = new Int32Array(data.length);
  for (let image = 0; image < images; image++) {
    random.permutation(count).forEach((from, to) => (shuffled[image * count + to] = data[image * count + from]!));
  }
  return int32(shape, shuffled);
}

/** What inpainting-style methods share: mask tokens stand for the hidden patches in the encoder, and one linear layer predicts there. */
import type { Tensor } from '@tensorflow/tfjs-core';
import type { MaskingConfig, VitShape } from '../../core/config/schema';
import type { NamedSpecs, NamedTensors } from '../../core/tensors';
import { createMasking } from '../masking/create';
import type { MaskingStrategy } from '../masking/strategy';
import { linearOf, linearSpecs } from '../nn/linear';
import { indicator, sliceRows } from '../nn/rows';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { encode } from '../nn/vit';
import type { CountedRows } from './distances';
import { StudentMethod } from './student-method';

export interface InpaintingOptions {
  readonly student: VitShape;
  readonly masking: MaskingConfig;
  /** Patches that stay visible. */
  readonly keepCount: number;
}

interface InpaintingHead {
  /** Of the linear layer, `method.…`. */
  readonly name: string;
  /** Numbers predicted a patch. */
  readonly outputs: number;
}

interface InpaintingParts {
  /** Frozen tensors beside the student's positions. */
  readonly constants?: NamedTensors;
  /** Parameters beside mask token and linear layer. */
  readonly more?: NamedSpecs;
}

export interface Inpainted {
  /** At every patch, [B·L, outputs]. */
  readonly predicted: Tensor;
  /** The hidden ones. */
  readonly where: CountedRows;
}

export abstract class InpaintingMethod extends StudentMethod {
  protected readonly masking: MaskingStrategy;
  protected readonly patchCount: number;

  constructor(private readonly common: InpaintingOptions, private readonly head: InpaintingHead, { constants, more }: InpaintingParts = {}) {
    const { student, keepCount } = common;
    const patchCount = (student.imageSize / student.patchSize) ** 2;
    const masking = createMasking(common.masking, patchCount, keepCount);
    super({
      student,
      masking,
      heads: { 'method.mask_token': { shape: [1, 1, student.width], dtype: 'float32' }, ...linearSpecs(head.name, head.outputs, student.width), ...more },
      constants,
    });
    this.masking = masking;
    this.patchCount = patchCount;
  }

  /** @param maskedIds int32 [B, M] */
  protected inpaint(parameters: Tensors, batch: Tensors, constants: Tensors, maskedIds: Tensor): Inpainted {
    const images = tensorOf(batch, 'images');
    const hidden = indicator(maskedIds, this.patchCount);
    const replaced = { hidden, maskToken: tensorOf(parameters, 'method.mask_token') };
    const encoded = encode(parameters, tensorOf(constants, 'pos_embed'), this.common.student, { images, replaced, dropPath: batch['drop_path'] });
    const predicted = linearOf(parameters, this.head.name, this.patchRows(encoded));
    return { predicted, where: { counted: hidden, count: maskedIds.size } };
  }

  /** Without CLS. @param tokens [B·(1+L), C]; @returns [B·L, C] */
  protected patchRows(tokens: Tensor): Tensor {
    return sliceRows(tokens, tokens.shape[0]! / (1 + this.patchCount), 1, this.patchCount);
  }
}

/**
 * An encoder that is trained end to end with labels, as MAE (main_finetune.py, models_vit.py with global pooling) and MaskAlign
 * do: the mean of the patch tokens after the last block, a new norm, a linear classifier.
 *
 *   logits = head(fc_norm(mean over patches of h_N))
 *   loss   = cross-entropy with the mixed, smoothed targets
 *
 * The pretrained final norm is not part of it; MAE deletes it too. Positions are kept as they are.
 */
import * as tf from '@tensorflow/tfjs-core';
import { timmSpecs } from '../../core/checkpoints/teacher-shape';
import { float32, elementCount, type HostTensor, type NamedSpecs, type NamedTensors } from '../../core/tensors';
import type { LossAndReadings, Method } from '../methods/method';
import { softCrossEntropy } from '../nn/cross-entropy';
import { dropPathDraws, dropPathSpecs } from '../nn/drop-path';
import { encodeTokens, leadingTokens } from '../nn/encoder';
import { initialTensors } from '../nn/initialise';
import { layerNormOf, layerNormSpecs } from '../nn/layer-norm';
import { linearOf, linearSpecs } from '../nn/linear';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import type { RandomStream } from '../random';
import type { PreparedTeacher } from '../teachers/prepare';
import { teacherImages } from '../teachers/teacher';
import { layerDecayScale } from './layer-decay';
import { drawMixing, mixImages, mixingSpecs, mixTargets, type MixingConfig } from './mixing';
import { drawErasing, eraseImages, erasingSpecs } from './random-erasing';

/** main_finetune.py: `trunc_normal_(model.head.weight, std=2e-5)`, whose bounds of ±2 no draw reaches. */
const HEAD_STD = 2e-5;

/** Not trained: positions are fixed, and what was the final norm is not read. */
const NOT_TRAINED = /^(pos_embed$|norm\.)|\.rel_pos_bias$/;

interface FineTuning {
  readonly classes: number;
  /** Side of the images as the loader gives them, in pixels. */
  readonly imageSize: number;
  readonly layerDecay: number;
  readonly dropPath: number;
  readonly labelSmoothing: number;
  readonly mixing: MixingConfig;
  /** How likely a rectangle of an image is erased. */
  readonly erasing: number;
}

export class FineTunedEncoder implements Method {
  readonly name = 'finetune';
  /** The encoder under timm's names, `fc_norm` and `head` as timm names them in a ViT with global pooling. */
  readonly parameters: NamedSpecs;
  readonly constants: NamedTensors;
  private readonly architecture: PreparedTeacher['shape'];

  /** @param encoder what is trained: it fits the images, and its weights are where training begins */
  constructor(
    private readonly encoder: PreparedTeacher,
    private readonly tuning: FineTuning,
  ) {
    this.architecture = { ...encoder.shape, dropPath: tuning.dropPath };
    const { width } = encoder.shape;
    const trained = Object.entries(timmSpecs(this.architecture)).filter(([name]) => !NOT_TRAINED.test(name));
    this.parameters = { ...Object.fromEntries(trained), ...layerNormSpecs('fc_norm', width), ...linearSpecs('head', tuning.classes, width) };
    const isRead = (name: string): boolean => !(name in this.parameters) && !name.startsWith('norm.');
    this.constants = Object.fromEntries(Object.entries(encoder.tensors).filter(([name]) => isRead(name)));
  }

  initialise(random: RandomStream): NamedTensors {
    const given = Object.fromEntries(Object.keys(this.parameters).flatMap((name) => (this.encoder.tensors[name] ? [[name, this.encoder.tensors[name]]] : [])));
    const { shape } = this.parameters['head.weight']!;
    const weight = Float32Array.from({ length: elementCount(shape) }, () => HEAD_STD * random.normal());
    const { width } = this.architecture;
    return { ...given, ...initialTensors(random, layerNormSpecs('fc_norm', width)), 'head.weight': float32(shape, weight), 'head.bias': float32(this.parameters['head.bias']!.shape) };
  }

  /** Biases, norms and layer scales are not decayed; the CLS token is, as in MAE. */
  decays(_name: string, shape: readonly number[]): boolean {
    return shape.length > 1;
  }

  lrScale(name: string): number {
    return layerDecayScale(name, this.architecture.depth, this.tuning.layerDecay);
  }

  reads(): boolean {
    return true;
  }

  batchSpecs(microBatch: number): NamedSpecs {
    const { imageSize } = this.tuning;
    return {
      images: { shape: [microBatch, 3, imageSize, imageSize], dtype: 'float32' },
      labels: { shape: [microBatch], dtype: 'int32' },
      ...erasingSpecs(microBatch, imageSize),
      ...mixingSpecs(imageSize),
      ...dropPathSpecs(this.architecture, microBatch),
    };
  }

  draw(random: RandomStream, microBatch: number): Record<string, HostTensor> {
    const { imageSize, erasing, mixing } = this.tuning;
    return {
      ...drawErasing(random, microBatch, imageSize, erasing),
      ...drawMixing(random, imageSize, mixing),
      ...dropPathDraws(random, this.architecture, microBatch),
    };
  }

  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { classes, labelSmoothing } = this.tuning;
    const images = mixImages(eraseImages(tensorOf(batch, 'images'), batch), batch);
    const targets = mixTargets(tensorOf(batch, 'labels'), batch, classes, labelSmoothing);
    return { loss: softCrossEntropy(this.logits({ ...constants, ...parameters }, images, batch['drop_path']), targets), readings: {} };
  }

  /**
   * [B, C]
   * @param tensors parameters and constants
   * @param images [B, 3, S, S], normalised as the loader does
   */
  logits(tensors: Tensors, images: tf.Tensor, dropPath?: tf.Tensor): tf.Tensor {
    const { architecture } = this;
    const batch = images.shape[0]!;
    const rows = encodeTokens(tensors, architecture, teacherImages(tensors, images), dropPath);
    const [count, width] = [rows.shape[0]! / batch, architecture.width];
    const skip = leadingTokens(architecture);
    const patches = tf.slice(tf.reshape(rows, [batch, count, width]), [0, skip, 0], [batch, count - skip, width]);
    return linearOf(tensors, 'head', layerNormOf(tensors, 'fc_norm', tf.mean(patches, 1), architecture.normEps));
  }
}

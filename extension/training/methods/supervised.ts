/** A ViT classifier trained from scratch on labels: a teacher for MaskAlign where none can be downloaded. */
import * as tf from '@tensorflow/tfjs-core';
import { plainVit } from '../../core/checkpoints/teacher-shape';
import type { ResolvedExperiment, VitShape } from '../../core/config/schema';
import type { HostTensor, NamedSpecs, NamedTensors } from '../../core/tensors';
import { crossEntropy } from '../nn/cross-entropy';
import { dropPathDraws, dropPathSpecs } from '../nn/drop-path';
import { initialTensors } from '../nn/initialise';
import { layerNormOf } from '../nn/layer-norm';
import { linearOf, linearSpecs } from '../nn/linear';
import { sinCosPositions } from '../nn/positions';
import type { Tensors } from '../nn/tensors';
import { tensorOf } from '../nn/tensors';
import { hiddenStates, vitSpecs } from '../nn/vit';
import type { RandomStream } from '../random';
import type { LossAndReadings, Method } from './method';

interface SupervisedOptions {
  readonly student: VitShape;
  readonly classCount: number;
  readonly supervised: ResolvedExperiment['supervised'];
}

export class Supervised implements Method {
  readonly name = 'supervised';
  /** The student and its `head.weight` [classes, D], `head.bias`, as timm names a classifier. */
  readonly parameters: NamedSpecs;
  readonly constants: NamedTensors;

  constructor(private readonly options: SupervisedOptions) {
    const { width, imageSize, patchSize } = options.student;
    this.parameters = { ...vitSpecs(options.student), ...linearSpecs('head', options.classCount, width) };
    this.constants = { pos_embed: sinCosPositions(width, imageSize / patchSize) };
  }

  initialise(random: RandomStream): NamedTensors {
    return initialTensors(random, this.parameters);
  }

  decays(_name: string, shape: readonly number[]): boolean {
    return shape.length > 1;
  }

  reads(): boolean {
    return true;
  }

  batchSpecs(microBatch: number): NamedSpecs {
    const { imageSize } = this.options.student;
    return {
      images: { shape: [microBatch, 3, imageSize, imageSize], dtype: 'float32' },
      labels: { shape: [microBatch], dtype: 'int32' },
      ...dropPathSpecs(this.options.student, microBatch),
    };
  }

  draw(random: RandomStream, microBatch: number): Record<string, HostTensor> {
    return dropPathDraws(random, this.options.student, microBatch);
  }

  /** Reading: `accuracy`, the share of the batch whose highest logit is its label. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings {
    const { student, supervised } = this.options;
    const images = tensorOf(batch, 'images');
    const hidden = hiddenStates(parameters, tensorOf(constants, 'pos_embed'), student, { images, dropPath: batch['drop_path'] });
    const normed = layerNormOf(parameters, 'norm', hidden[hidden.length - 1]!, plainVit(student).normEps);
    const logits = linearOf(parameters, 'head', this.pool(normed, images.shape[0]!));
    const labels = tensorOf(batch, 'labels');
    return { loss: crossEntropy(logits, labels, supervised.label_smoothing), readings: { accuracy: accuracy(logits, labels) } };
  }

  /** [B·(1+L), D] → [B, D]: CLS, or the mean of the patches. */
  private pool(normed: tf.Tensor, batch: number): tf.Tensor {
    const [rows, width] = normed.shape as [number, number];
    const tokens = tf.reshape(normed, [batch, rows / batch, width]);
    if (this.options.supervised.pooling === 'mean') return tf.mean(tf.slice(tokens, [0, 1, 0], [batch, rows / batch - 1, width]), 1);
    return tf.reshape(tf.slice(tokens, [0, 0, 0], [batch, 1, width]), [batch, width]);
  }
}

function accuracy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  return tf.mean(tf.cast(tf.equal(tf.argMax(logits, -1), labels), 'float32'));
}

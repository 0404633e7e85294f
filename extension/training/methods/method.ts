/**
 * What a training method is: parameters, what a batch holds, and a loss written in plain TensorFlow.js.
 * The trainer (training/step.ts) wraps it into programs with gradients and the optimizer.
 */
import type { Scalar, Tensor } from '@tensorflow/tfjs-core';
import type { HostTensor, NamedSpecs, NamedTensors } from '../../core/tensors';
import type { BatchSpecs } from '../engines/engine';
import type { Tensors } from '../nn/tensors';
import type { RandomStream } from '../random';

export interface LossAndReadings {
  readonly loss: Scalar;
  /** Named values for the metrics: scalars, or small tensors such as per-level losses. */
  readonly readings: Record<string, Tensor>;
}

/** What a method that predicts pixels makes of the hidden patches, for pictures. */
export interface Reconstruction {
  /** int32 [B, K] */
  readonly keepIds: Tensor;
  /** int32 [B, M] */
  readonly maskedIds: Tensor;
  /** Pixels of the masked patches in the order of `maskedIds`, [B, M, 3, P, P], normalised as the images are. */
  readonly predicted: Tensor;
  /** Beyond that, each patch is normalised by its own mean and deviation (`norm_pix`): what it says is structure alone. */
  readonly normalisedByPatch: boolean;
}

/** What a method's frozen teacher makes of images apart from the step, so that it can be kept and need not be made again. */
export interface Looking {
  /** Batch entries under which the loss finds it, [B, …] each, float16 where they may be rounded to it. */
  specs(microBatch: number): BatchSpecs;
  /** The entries, as float32, of images [B, 3, S, S] normalised for the student. */
  look(images: Tensor, constants: Tensors): Record<string, Tensor>;
  /** Frozen tensors that `look` reads. */
  readonly constants: NamedTensors;
  /** The same method, whose batch holds those entries and whose loss runs no teacher. */
  readonly method: Method;
}

export interface Method {
  readonly name: string;
  /** Trained parameters. Student entries carry timm names without prefix; everything else is prefixed `method.`. */
  readonly parameters: NamedSpecs;
  /** Their initial values. */
  initialise(random: RandomStream): NamedTensors;
  /** Whether AdamW decays this parameter. */
  decays(name: string, shape: readonly number[]): boolean;
  /** Share of the learning rate at which this parameter is trained, where not all are trained alike; default: 1. */
  lrScale?(name: string): number;
  /**
   * Whether the loss reads this parameter and trains it. Others are kept as they are, without gradient, moments or
   * decay, as PyTorch's AdamW skips parameters whose gradient is None; they are there for a complete export.
   */
  reads(name: string): boolean;
  /** Parameters that the loss reads and nothing trains; they are part of the state, and so of checkpoints. */
  readonly held?: readonly string[];
  /** Frozen tensors the loss reads (`teacher.…`, `pos_embed`). */
  readonly constants: NamedTensors;
  /** One micro-batch: images [B, 3, S, S] and whatever else the host draws. */
  batchSpecs(microBatch: number): BatchSpecs;
  /** Host draws of one micro-batch beside images and labels: masks, Gumbel noise, drop-path keeps. */
  draw(random: RandomStream, microBatch: number): Record<string, HostTensor>;
  /** Differentiated with respect to `parameters`. */
  loss(parameters: Tensors, batch: Tensors, constants: Tensors): LossAndReadings;
  /** Only of methods whose frozen teacher sees the whole image, whatever is hidden from the student. */
  readonly looking?: Looking;
  /** Only of methods that predict pixels; reads the same batch as the loss. */
  reconstruct?(parameters: Tensors, batch: Tensors, constants: Tensors): Reconstruction;
}

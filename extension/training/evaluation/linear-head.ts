/**
 * The classifier of a linear probe as engine programs: BatchNorm1d without affine → Linear, cross-entropy.
 *
 * R heads are trained side by side from the same start on the same batches, each with its own learning rate; this is
 * how a sweep costs little more than one probe. The gradient of a softmax classifier is two lines, so it is written
 * out rather than taken from the tape.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { float32 } from '../../core/tensors';
import type { NamedSpecs, NamedTensors, TensorSpec } from '../../core/tensors';
import type { Program } from '../engines/engine';
import type { RandomStream } from '../random';
import { batchNormEval, batchNormTrain } from './batch-norm';
import type { HeadFamily, HeadSizes } from './head-family';
import { larsStep, sgdStep } from './probe-optimizers';
import type { ProbeOptimizer } from './probe-optimizers';

/** MAE draws the weights by trunc_normal_(std .01), whose bounds of ±2 never bite; biases start at 0. */
const INITIAL_STD = 0.01;

function stateSpecs({ heads, classes, width }: HeadSizes): NamedSpecs {
  const spec = (...shape: number[]): TensorSpec => ({ shape, dtype: 'float32' });
  return {
    weight: spec(heads, classes, width),
    bias: spec(heads, classes),
    'velocity.weight': spec(heads, classes, width),
    'velocity.bias': spec(heads, classes),
    running_mean: spec(width),
    running_var: spec(width),
  };
}

/** Initial parameters, optimizer state and running statistics; every head starts from the same draw. */
export function initialHeads(sizes: HeadSizes, random: RandomStream): NamedTensors {
  const { heads, classes, width } = sizes;
  const one = Float32Array.from({ length: classes * width }, () => INITIAL_STD * random.normal());
  const weight = new Float32Array(heads * one.length);
  for (let head = 0; head < heads; head++) weight.set(one, head * one.length);
  return {
    weight: float32([heads, classes, width], weight),
    bias: float32([heads, classes]),
    'velocity.weight': float32([heads, classes, width]),
    'velocity.bias': float32([heads, classes]),
    running_mean: float32([width]),
    running_var: float32([width], new Float32Array(width).fill(1)),
  };
}

/** logits [B, R·C] of normalised features [B, D]. */
function logitsOf(normalised: Tensor2D, state: Readonly<Record<string, Tensor>>, { heads, classes, width }: HeadSizes): Tensor2D {
  const weight = tf.reshape(state.weight!, [heads * classes, width]) as Tensor2D;
  return tf.add(tf.matMul(normalised, weight, false, true), tf.reshape(state.bias!, [heads * classes]));
}

/**
 * One training step. Batch: `features` [B, D], `labels` [B], `lr` [R]. Reading: `loss` [R], the mean cross-entropy
 * of each head before the step.
 */
export function headTrainProgram(sizes: HeadSizes, batchSize: number, optimizer: ProbeOptimizer): Program {
  const { heads, classes, width } = sizes;
  return {
    name: `probe-${optimizer}`,
    state: stateSpecs(sizes),
    constants: { identity: identityMatrix(classes) },
    batch: {
      features: { shape: [batchSize, width], dtype: 'float32' },
      labels: { shape: [batchSize], dtype: 'int32' },
      lr: { shape: [heads], dtype: 'float32' },
    },
    run({ state, constants, batch }) {
      const { normalised, running } = batchNormTrain(batch.features as Tensor2D, { mean: state.running_mean!, variance: state.running_var! });
      const probabilities = tf.softmax(tf.reshape(logitsOf(normalised, state, sizes), [batchSize, heads, classes]));
      const target = tf.reshape(tf.gather(constants.identity!, batch.labels!), [batchSize, 1, classes]);
      // d loss / d logits of the mean cross-entropy.
      const error = tf.div(tf.sub(probabilities, target), batchSize);
      const weightGradient = tf.reshape(tf.matMul(tf.reshape(error, [batchSize, heads * classes]) as Tensor2D, normalised, true, false), [heads, classes, width]);
      const biasGradient = tf.sum(error, 0);

      const stepMatrix = optimizer === 'lars' ? larsStep : sgdStep;
      const weight = stepMatrix(state.weight!, weightGradient, state['velocity.weight']!, tf.reshape(batch.lr!, [heads, 1, 1]));
      const bias = sgdStep(state.bias!, biasGradient, state['velocity.bias']!, tf.reshape(batch.lr!, [heads, 1]));
      const likelihood = tf.sum(tf.mul(probabilities, target), 2);
      return {
        state: {
          weight: weight.parameter,
          bias: bias.parameter,
          'velocity.weight': weight.velocity,
          'velocity.bias': bias.velocity,
          running_mean: running.mean,
          running_var: running.variance,
        },
        readings: { loss: tf.neg(tf.mean(tf.log(tf.add(likelihood, 1e-30)), 0)) },
      };
    },
  };
}

/** Batch: `features` [B, D]. Reading: `logits` [B, R, C] with the running statistics. */
export function headEvalProgram(sizes: HeadSizes, batchSize: number): Program {
  const { heads, classes, width } = sizes;
  const { weight, bias, running_mean, running_var } = stateSpecs(sizes);
  return {
    name: 'probe-logits',
    state: { weight: weight!, bias: bias!, running_mean: running_mean!, running_var: running_var! },
    constants: {},
    batch: { features: { shape: [batchSize, width], dtype: 'float32' } },
    run({ state, batch }) {
      const normalised = batchNormEval(batch.features as Tensor2D, { mean: state.running_mean!, variance: state.running_var! });
      return { state: {}, readings: { logits: tf.reshape(logitsOf(normalised, state, sizes), [batchSize, heads, classes]) } };
    },
  };
}

export function identityMatrix(size: number) {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + i] = 1;
  return float32([size, size], data);
}

export const linearHeads: HeadFamily = { initial: initialHeads, trainProgram: headTrainProgram, scoreProgram: headEvalProgram };

/**
 * The head of efficient probing (EP, billpsomas/efficient-probing, poolings/ep.py) as engine programs: Q learned queries attend to
 * the patch tokens, which are their own keys; each query pools its own D/Q of the D values; then BatchNorm1d without affine and
 * a linear classifier.
 *
 *   A = softmax(queries·tokensᵀ / √D)        [Q, L]
 *   z = concat over q of A_q·tokens·V_qᵀ     [D], where V_q are the rows q·D/Q … of V, [D, D], without bias
 *   logits = W·BatchNorm(z) + b
 *
 * Tokens are pooled before they are projected, which is the same number for Q·L·D + D² instead of L·D² multiplications. As in
 * linear-head.ts, R heads are trained side by side and gradients are written out.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { float32 } from '../../core/tensors';
import type { HostTensor, NamedSpecs, NamedTensors, TensorSpec } from '../../core/tensors';
import type { Program, ProgramInputs, ProgramOutputs } from '../engines/engine';
import type { RandomStream } from '../random';
import { batchNormEval, batchNormTrain, BATCH_NORM_EPS } from './batch-norm';
import type { HeadFamily, HeadSizes } from './head-family';
import { identityMatrix } from './linear-head';
import { larsStep, sgdStep, type ProbeOptimizer } from './probe-optimizers';

/** ep.py: `torch.randn(1, num_queries, dim) * 0.02`. */
const QUERY_STD = 0.02;

const MATRICES = ['queries', 'values', 'weight'] as const;

/** Sizes of one head and how many there are. */
interface Sizes {
  /** R */
  readonly heads: number;
  /** Q */
  readonly queries: number;
  /** L */
  readonly tokens: number;
  /** D */
  readonly width: number;
  /** C */
  readonly classes: number;
  /** B */
  readonly batch: number;
}

/** Largest number of queries, at most `wanted`, that divide the width: each pools as many values. */
export function fittingQueries(wanted: number, width: number): number {
  let queries = Math.min(wanted, width);
  while (width % queries !== 0) queries--;
  return queries;
}

/**
 * Heads that read `tokens` patch tokens an image, one after the other: `width` of their sizes is L·D.
 *
 * @param queries Q; must divide D
 */
export function attentiveHeads(tokens: number, queries: number): HeadFamily {
  const sized = ({ heads, classes, width }: HeadSizes, batch: number): Sizes => ({ heads, classes, queries, tokens, batch, width: width / tokens });
  return {
    initial: (sizes, random) => initialState(sized(sizes, 1), random),
    trainProgram: (sizes, batch, optimizer) => trainProgram(sized(sizes, batch), optimizer),
    scoreProgram: (sizes, batch) => scoreProgram(sized(sizes, batch)),
  };
}

function parameterSpecs({ heads, queries, width, classes }: Sizes): NamedSpecs {
  const spec = (...shape: number[]): TensorSpec => ({ shape, dtype: 'float32' });
  return { queries: spec(heads, queries, width), values: spec(heads, width, width), weight: spec(heads, classes, width), bias: spec(heads, classes) };
}

function runningSpecs({ heads, width }: Sizes): NamedSpecs {
  return { running_mean: { shape: [heads * width], dtype: 'float32' }, running_var: { shape: [heads * width], dtype: 'float32' } };
}

function velocitySpecs(sizes: Sizes): NamedSpecs {
  return Object.fromEntries(Object.entries(parameterSpecs(sizes)).map(([name, spec]) => [`velocity.${name}`, spec]));
}

/** Linear layers are drawn as PyTorch's default, U(−1/√D, 1/√D); biases start at 0. */
function initialState(sizes: Sizes, random: RandomStream): NamedTensors {
  const { heads, queries, width, classes } = sizes;
  const bound = 1 / Math.sqrt(width);
  const uniform = (): number => bound * (2 * random.uniform() - 1);
  const repeated = (shape: readonly number[], draw: () => number): HostTensor => {
    const one = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, draw);
    const all = new Float32Array(heads * one.length);
    for (let head = 0; head < heads; head++) all.set(one, head * one.length);
    return float32([heads, ...shape], all);
  };
  return {
    queries: repeated([queries, width], () => QUERY_STD * random.normal()),
    values: repeated([width, width], uniform),
    weight: repeated([classes, width], uniform),
    bias: float32([heads, classes]),
    ...Object.fromEntries(Object.entries(velocitySpecs(sizes)).map(([name, { shape }]) => [name, float32(shape)])),
    running_mean: float32([heads * width]),
    running_var: float32([heads * width], new Float32Array(heads * width).fill(1)),
  };
}

interface Pooled {
  /** [B, L, D] */
  readonly x: Tensor;
  /** A, [B, R·Q, L]. */
  readonly attention: Tensor;
  /** A·tokens, [R·Q, B, D]. */
  readonly pooled: Tensor;
  /** z of every head, [B, R·D]. */
  readonly z: Tensor2D;
}

function pool(features: Tensor, state: ProgramInputs['state'], { heads, queries, tokens, width, batch }: Sizes): Pooled {
  const x = tf.reshape(features, [batch, tokens, width]);
  const asked = tf.mul(tf.reshape(state.queries!, [heads * queries, width]), width ** -0.5) as Tensor2D;
  const scores = tf.reshape(tf.matMul(tf.reshape(x, [batch * tokens, width]) as Tensor2D, asked, false, true), [batch, tokens, heads * queries]);
  const attention = tf.softmax(tf.transpose(scores, [0, 2, 1]));
  const pooled = tf.transpose(tf.matMul(attention, x), [1, 0, 2]);
  const z = tf.matMul(pooled, valuesByQuery(state, heads * queries, width), false, true);
  return { x, attention, pooled, z: tf.reshape(tf.transpose(z, [1, 0, 2]), [batch, heads * width]) };
}

/** V of every query of every head, [R·Q, D/Q, D]. */
function valuesByQuery(state: ProgramInputs['state'], all: number, width: number): Tensor {
  return tf.reshape(state.values!, [all, state.values!.size / (all * width), width]);
}

/** [R, B, C] of normalised z, [R, B, D]. */
function logitsOf(normalised: Tensor, state: ProgramInputs['state'], { heads, classes }: Sizes): Tensor {
  return tf.add(tf.matMul(normalised, state.weight!, false, true), tf.reshape(state.bias!, [heads, 1, classes]));
}

/** [B, R·D] ⇄ [R, B, D]. */
const byHead = (x: Tensor, { batch, heads, width }: Sizes): Tensor => tf.transpose(tf.reshape(x, [batch, heads, width]), [1, 0, 2]);

function trainProgram(sizes: Sizes, optimizer: ProbeOptimizer): Program {
  const { heads, tokens, width, classes, batch } = sizes;
  return {
    name: `attentive-probe-${optimizer}`,
    state: { ...parameterSpecs(sizes), ...velocitySpecs(sizes), ...runningSpecs(sizes) },
    constants: { identity: identityMatrix(classes) },
    batch: {
      features: { shape: [batch, tokens * width], dtype: 'float32' },
      labels: { shape: [batch], dtype: 'int32' },
      lr: { shape: [heads], dtype: 'float32' },
    },
    run({ state, constants, batch: given }) {
      const forward = pool(given.features!, state, sizes);
      const { normalised, running } = batchNormTrain(forward.z, { mean: state.running_mean!, variance: state.running_var! });
      const probabilities = tf.softmax(logitsOf(byHead(normalised, sizes), state, sizes));
      const target = tf.reshape(tf.gather(constants.identity!, given.labels!), [1, batch, classes]);
      const error = tf.div(tf.sub(probabilities, target), batch);
      const gradients = gradientsOf(error, forward, normalised, state, sizes);
      const likelihood = tf.sum(tf.mul(probabilities, target), 2);
      return {
        state: { ...updated(state, gradients, given.lr!, optimizer, heads), running_mean: running.mean, running_var: running.variance },
        readings: { loss: tf.neg(tf.mean(tf.log(tf.add(likelihood, 1e-30)), 1)) },
      };
    },
  };
}

/** Of the sum of the heads' losses. @param error d loss / d logits, [R, B, C] */
function gradientsOf(error: Tensor, { x, attention, pooled, z }: Pooled, normalised: Tensor2D, state: ProgramInputs['state'], sizes: Sizes): Record<string, Tensor> {
  const { heads, queries, tokens, width, batch } = sizes;
  const all = heads * queries;
  const toNormalised = tf.reshape(tf.transpose(tf.matMul(error, state.weight!), [1, 0, 2]), [batch, heads * width]);
  const toZ = tf.transpose(tf.reshape(throughBatchNorm(toNormalised, normalised, z), [batch, all, width / queries]), [1, 0, 2]);
  const toPooled = tf.transpose(tf.matMul(toZ, valuesByQuery(state, all, width)), [1, 0, 2]);
  const toAttention = tf.matMul(toPooled, x, false, true);
  const toScores = tf.mul(attention, tf.sub(toAttention, tf.sum(tf.mul(toAttention, attention), 2, true)));
  const scoresByQuery = tf.reshape(tf.transpose(toScores, [1, 0, 2]), [all, batch * tokens]) as Tensor2D;
  return {
    queries: tf.reshape(tf.mul(tf.matMul(scoresByQuery, tf.reshape(x, [batch * tokens, width]) as Tensor2D), width ** -0.5), [heads, queries, width]),
    values: tf.reshape(tf.matMul(toZ, pooled, true, false), [heads, width, width]),
    weight: tf.matMul(error, byHead(normalised, sizes), true, false),
    bias: tf.sum(error, 1),
  };
}

/** The gradient of what was normalised by the statistics of its own batch. @param dy, normalised, z: [B, R·D] */
function throughBatchNorm(dy: Tensor, normalised: Tensor, z: Tensor): Tensor {
  const variance = tf.mean(tf.square(tf.sub(z, tf.mean(z, 0))), 0);
  const centred = tf.sub(tf.sub(dy, tf.mean(dy, 0)), tf.mul(normalised, tf.mean(tf.mul(dy, normalised), 0)));
  return tf.mul(centred, tf.rsqrt(tf.add(variance, BATCH_NORM_EPS)));
}

function updated(state: ProgramInputs['state'], gradients: Readonly<Record<string, Tensor>>, lr: Tensor, optimizer: ProbeOptimizer, heads: number): ProgramOutputs['state'] {
  const next: Record<string, Tensor> = {};
  const keep = (name: string, step: typeof sgdStep, rates: Tensor): void => {
    const { parameter, velocity } = step(state[name]!, gradients[name]!, state[`velocity.${name}`]!, rates);
    next[name] = parameter;
    next[`velocity.${name}`] = velocity;
  };
  for (const name of MATRICES) keep(name, optimizer === 'lars' ? larsStep : sgdStep, tf.reshape(lr, [heads, 1, 1]));
  keep('bias', sgdStep, tf.reshape(lr, [heads, 1]));
  return next;
}

function scoreProgram(sizes: Sizes): Program {
  const { tokens, width, batch } = sizes;
  return {
    name: 'attentive-probe-logits',
    state: { ...parameterSpecs(sizes), ...runningSpecs(sizes) },
    constants: {},
    batch: { features: { shape: [batch, tokens * width], dtype: 'float32' } },
    run({ state, batch: given }) {
      const { z } = pool(given.features!, state, sizes);
      const normalised = batchNormEval(z, { mean: state.running_mean!, variance: state.running_var! });
      return { state: {}, readings: { logits: tf.transpose(logitsOf(byHead(normalised, sizes), state, sizes), [1, 0, 2]) } };
    },
  };
}

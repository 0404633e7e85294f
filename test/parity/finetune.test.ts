/** Fine-tuning steps equal those of an independent PyTorch implementation run in float64 (fixtures/finetune.py). */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TeacherShape } from '../../extension/core/checkpoints/teacher-shape';
import { timmSpecs } from '../../extension/core/checkpoints/teacher-shape';
import { float32, int32, type HostTensor, type NamedTensors } from '../../extension/core/tensors';
import { createEngine } from '../../extension/training/engines/create';
import type { Engine } from '../../extension/training/engines/engine';
import { logitsProgram } from '../../extension/training/finetune/fine-tune';
import { FineTunedEncoder } from '../../extension/training/finetune/fine-tuned-encoder';
import { layerDecayScale } from '../../extension/training/finetune/layer-decay';
import { dropRates } from '../../extension/training/nn/drop-path';
import { trainingPrograms } from '../../extension/training/step';
import { nativeHere } from '../native-here';
import { experiment, scalar } from '../unit/model/experiments';
import { deviation, expectedTensors, made, values, withPrefix } from './parity-case';

interface Case {
  readonly name: string;
  readonly encoder: TeacherShape;
  readonly dropPath: number;
  readonly losses: readonly number[];
  readonly grad_norms: readonly number[];
  readonly lambdas: readonly number[];
  readonly scales: Readonly<Record<string, number>>;
}

/** Edges top, bottom, left, right. */
type Box = readonly [number, number, number, number];

interface Fixture {
  readonly classes: number;
  readonly smoothing: number;
  readonly mixup: number;
  readonly box: Box;
  readonly erased: number;
  readonly rectangle: Box;
  readonly rates: readonly number[];
  readonly betas: [number, number];
  readonly weight_decay: number;
  readonly layer_decay: number;
  readonly batch: number;
  readonly cases: readonly Case[];
}

const fixture = JSON.parse(readFileSync(new URL('./fixtures/finetune.json', import.meta.url), 'utf8')) as Fixture;
const { classes, batch, rates } = fixture;
const SIDE = 16;

function tuned({ encoder, dropPath }: Case): FineTunedEncoder {
  const tensors = Object.fromEntries(Object.entries(timmSpecs(encoder)).map(([name, { shape }]) => [name, made(`encoder.${name}`, shape)]));
  const mixing = { mixup: 1, cutmix: 1, probability: 1, switchProbability: 0.5 };
  return new FineTunedEncoder({ tensors, shape: encoder }, { classes, imageSize: SIDE, layerDecay: fixture.layer_decay, dropPath, labelSmoothing: fixture.smoothing, erasing: 0.25, mixing });
}

/** A plane of `outside` with `inside` in the box. */
function plane([top, bottom, left, right]: Box, outside: number, inside: (x: number, y: number) => number): number[] {
  return Array.from({ length: SIDE * SIDE }, (_, at) => {
    const [y, x] = [Math.floor(at / SIDE), at % SIDE];
    return y >= top && y < bottom && x >= left && x < right ? inside(x, y) : outside;
  });
}

function mixed(step: number): number[] {
  const nowhere: Box = [0, 0, 0, 0];
  return step === 0 ? plane(nowhere, fixture.mixup, () => 0) : plane(step === 1 ? fixture.box : nowhere, 1, () => 0);
}

function erasing(step: number): Record<string, HostTensor> {
  const [top, bottom, left, right] = fixture.rectangle;
  const [height, width] = [bottom - top, right - left];
  const drawn = values(`erased ${step}`, 3 * height * width);
  const noise = (channel: number) => plane(fixture.rectangle, 0, (x, y) => drawn[(channel * height + y - top) * width + x - left]!);
  const none = new Array<number>(SIDE * SIDE).fill(0);
  const images = Array.from({ length: batch }, (_, image) => image === fixture.erased);
  return {
    erased: float32([batch, 1, SIDE, SIDE], Float32Array.from(images.flatMap((hit) => (hit ? plane(fixture.rectangle, 0, () => 1) : none)))),
    erased_noise: float32([batch, 3, SIDE, SIDE], Float32Array.from(images.flatMap((hit) => [0, 1, 2].flatMap((channel) => (hit ? noise(channel) : none))))),
  };
}

function batchOf({ encoder: { depth }, dropPath, lambdas }: Case, step: number): Record<string, HostTensor> {
  const dropped = values(`drop ${step}`, 2 * depth * batch);
  const dropRate = dropRates(dropPath, depth);
  return {
    images: float32([batch, 3, SIDE, SIDE], values(`images ${step}`, batch * 3 * SIDE * SIDE).map((value) => 2 * value)),
    labels: int32([batch], Int32Array.from({ length: batch }, (_, i) => (3 * i + step) % classes)),
    ...erasing(step),
    mix_own: float32([SIDE, SIDE], Float32Array.from(mixed(step))),
    mix_lambda: scalar(lambdas[step]!),
    ...(dropPath > 0
      ? { drop_path: float32([2 * depth, batch], dropped.map((value, i) => {
          const rate = dropRate[Math.floor(i / (2 * batch))]!;
          return value > 2 * rate - 1 ? 1 / (1 - rate) : 0;
        })) }
      : {}),
    lr: scalar(rates[step]!),
    step: scalar(step + 1),
  };
}

async function train(engine: Engine, given: Case) {
  const method = tuned(given);
  const optimizer = { batch_size: batch, betas: fixture.betas, weight_decay: fixture.weight_decay };
  const programs = trainingPrograms(method, { ...experiment({ method: 'supervised', optimizer }), teacher: undefined });
  const heads = Object.fromEntries(['fc_norm.weight', 'fc_norm.bias', 'head.weight', 'head.bias'].map((name) => [name, made(name, method.parameters[name]!.shape)]));
  const state = engine.createState({ ...programs.initialState(0), ...heads });
  const [stepping, scoring] = await Promise.all([engine.compile(programs.single!), engine.compile(logitsProgram(method, batch))]);
  const losses: number[] = [];
  const norms: number[] = [];
  let moments: NamedTensors = {};
  for (let step = 0; step < rates.length; step++) {
    const [readings] = await stepping.run(state, [batchOf(given, step)]);
    losses.push(readings!['loss']!.data[0]!);
    norms.push(readings!['grad_norm']!.data[0]!);
    if (step === 0) moments = await state.read();
  }
  const [scores] = await scoring.run(state, [{ images: float32([batch, 3, SIDE, SIDE], values('clean', batch * 3 * SIDE * SIDE)) }]);
  const parameters = await state.read();
  state.dispose();
  await Promise.all([stepping.dispose(), scoring.dispose()]);
  return { losses, norms, moments, parameters, logits: scores!['logits']! };
}

describe('layer decay', () => {
  it.each(fixture.cases.map((given) => [given.name, given] as const))('has the groups of the official code (%s)', (_name, given) => {
    const method = tuned(given);
    expect(Object.keys(method.parameters).sort()).toEqual(Object.keys(given.scales).sort());
    for (const [name, scale] of Object.entries(given.scales)) expect(layerDecayScale(name, given.encoder.depth, fixture.layer_decay), name).toBeCloseTo(scale, 12);
  });
});

describe.each(['tfjs-cpu', 'tfjs-wasm', 'compiled-cpu', ...nativeHere] as const)('on %s', (kind) => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await createEngine({ kind, threads: 1 }));
  });
  afterAll(() => engine.dispose());

  it.each(fixture.cases.map((given) => [given.name, given] as const))('%s trains as in PyTorch', async (name, given) => {
    const { losses, norms, moments, parameters, logits } = await train(engine, given);
    const expected = await expectedTensors(name);
    losses.forEach((loss, step) => expect(Math.abs(loss / given.losses[step]! - 1), `loss of step ${step}`).toBeLessThan(step === 0 ? 1e-6 : 1e-5));
    given.grad_norms.forEach((norm, step) => expect(norms[step]! / norm).toBeCloseTo(1, 4));
    for (const [parameter, gradient] of withPrefix(expected, 'grad.')) {
      const moment = moments[`exp_avg.${parameter}`]!;
      const actual = { ...moment, data: Float32Array.from(moment.data, (value) => value / (1 - fixture.betas[0])) };
      expect(deviation(parameter, actual, gradient), `gradient of ${parameter}`).toBeLessThan(1e-4);
    }
    for (const [parameter, value] of withPrefix(expected, 'param.')) {
      expect(deviation(parameter, parameters[parameter]!, value), `${parameter} after the steps`).toBeLessThan(2e-5);
    }
    expect(deviation('logits', logits, expected['logits']!)).toBeLessThan(5e-5);
  });
});

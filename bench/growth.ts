/**
 * How the time of a step grows with batch, depth, width, tokens and threads, beside the arithmetic floor: the step's multiply-adds at the
 * best rate this machine was measured to multiply matrices with. Every size is measured in turn, several times over.
 *
 *   npm run bench:growth -- [--rounds 3] [--json docs/results/data/growth.json] [--figure docs/results/growth.svg]
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { gmacPerImage } from '../extension/core/config/cost';
import { float32 } from '../extension/core/tensors';
import { cpuEngine } from './cpu-engine';
import { growthFigure, type GrowthPoint } from './growth-figure';
import { processor } from './machine';
import { median } from './median';
import { stepCase, stepSizes, trainingCase, type StepSize } from './step-case';

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '3' }, json: { type: 'string' }, figure: { type: 'string' } } });
const rounds = Number(options.rounds);
const cores = availableParallelism();
const { tiny } = stepSizes;

const tokensOf = ({ imageSize, patchSize }: StepSize): number => (imageSize / patchSize) ** 2 + 1;

/** What is changed of `tiny`, one thing at a time. */
const AXES: Readonly<Record<string, readonly (readonly [value: number, size: StepSize, threads: number])[]>> = {
  batch: [16, 32, 64, 128].map((batch) => [batch, { ...tiny, batch }, cores]),
  depth: [3, 6, 12, 24].map((depth) => [depth, { ...tiny, depth }, cores]),
  width: [96, 192, 384, 768].map((width) => [width, { ...tiny, batch: 32, width, heads: Math.max(1, Math.floor(width / 64)) }, cores]),
  tokens: [16, 32, 48, 64].map((imageSize) => [tokensOf({ ...tiny, imageSize }), { ...tiny, imageSize }, cores]),
  threads: Array.from({ length: cores }, (_, i) => [i + 1, tiny, i + 1]),
};

/** Products in one run, each of the one before: enough that nothing else counts. */
const CHAINED = 12;

/** GFLOP/s of the best of a few products as they are in a step: [rows, K] · [K, K]ᵀ with a frozen right side. */
async function bestRate(threads: number): Promise<number> {
  const engine = await cpuEngine(threads);
  const rates: number[] = [];
  for (const [rows, width] of [[4096, 192], [4096, 768], [1024, 1024]] as const) {
    const right = float32([width, width], new Float32Array(width * width).fill(1 / width));
    const compiled = await engine.compile({
      name: 'rate', state: {}, constants: { right }, batch: { left: { shape: [rows, width], dtype: 'float32' } },
      run: ({ constants, batch }) => {
        let product = batch['left'] as tf.Tensor2D;
        for (let i = 0; i < CHAINED; i++) product = tf.matMul(product, constants['right'] as tf.Tensor2D, false, true);
        return { state: {}, readings: { mean: tf.mean(product) } };
      },
    });
    const state = engine.createState({});
    const batch = { left: float32([rows, width], new Float32Array(rows * width).fill(1)) };
    await compiled.run(state, [batch]);
    for (let i = 0; i < 10; i++) {
      const begun = performance.now();
      await compiled.run(state, [batch]);
      rates.push((2 * rows * width ** 2 * CHAINED) / (performance.now() - begun) / 1e6);
    }
    await compiled.dispose();
  }
  return Math.max(...rates);
}

async function secondsPerStep(size: StepSize, threads: number): Promise<number> {
  const engine = await cpuEngine(threads);
  const { program, state: values, batch } = stepCase(size);
  const compiled = await engine.compile(program);
  const state = engine.createState(values);
  await compiled.run(state, [batch(1)]);
  const begun = performance.now();
  await compiled.run(state, [batch(2), batch(3)]);
  const seconds = (performance.now() - begun) / 2000;
  await compiled.dispose();
  state.dispose();
  return seconds;
}

const rates = new Map<number, number>();
for (let threads = 1; threads <= cores; threads++) rates.set(threads, await bestRate(threads));
const points: (GrowthPoint & { readonly rounds: number[] })[] = Object.entries(AXES).flatMap(([axis, sizes]) =>
  sizes.map(([value, size, threads]) => {
    const gflop = 2 * gmacPerImage(trainingCase(size).experiment).step * size.batch;
    return { axis, value, gflop, floorSeconds: gflop / rates.get(threads)!, seconds: 0, rounds: [] };
  }),
);
const measured = Object.values(AXES).flat();
for (let round = 0; round < rounds; round++) {
  for (const [i, [, size, threads]] of measured.entries()) points[i]!.rounds.push(await secondsPerStep(size, threads));
}
const found: GrowthPoint[] = points.map((point) => ({ ...point, seconds: median(point.rounds) }));

console.log(`best measured product: ${[...rates].map(([threads, rate]) => `${rate.toFixed(0)} GFLOP/s on ${threads} ${threads === 1 ? 'thread' : 'threads'}`).join(', ')}; ${processor()}`);
for (const { axis, value, seconds, floorSeconds } of found) console.log(`${axis.padEnd(8)} ${String(value).padStart(4)} ${(1000 * seconds).toFixed(0).padStart(6)} ms  floor ${(1000 * floorSeconds).toFixed(0).padStart(6)} ms  ${((100 * floorSeconds) / seconds).toFixed(0)} %`);
const record = { cpu: processor(), rates: Object.fromEntries(rates), rounds, points: found };
if (options.json) writeFileSync(options.json, `${JSON.stringify(record, undefined, 2)}\n`);
if (options.figure) writeFileSync(options.figure, growthFigure(found, 'A training step of tiny, one size changed at a time'));
process.exit();

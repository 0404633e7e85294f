/** A quick measure of what an engine computes here: chained square matrix products, as training is mostly made of. */
import * as tf from '@tensorflow/tfjs-core';
import { float32 } from '../../core/tensors';
import type { Engine, HostBatch, Program } from './engine';
import type { MatmulRate } from './rates';

/** Products in one run; enough that handing the matrices over does not count. */
const chained = 16;
const secondsAtLeast = 0.25;

/** The larger ones, which a GPU needs to be busy, are for engines that do them in a second: eager references are two orders slower. */
const sizes = [256, 1024];
const gflopsForLarger = 30;

export async function matmulRate(engine: Engine): Promise<MatmulRate> {
  let rate = await rateAt(engine, sizes[0]!);
  for (const size of sizes.slice(1)) if (rate.gflops >= gflopsForLarger) rate = await rateAt(engine, size);
  return rate;
}

async function rateAt(engine: Engine, size: number): Promise<MatmulRate> {
  const compiled = await engine.compile(chainedProducts(size));
  const state = engine.createState({});
  try {
    const batch: HostBatch = { left: float32([size, size], new Float32Array(size * size).fill(1 / size)) };
    await compiled.run(state, [batch]);
    let runs = 0;
    const start = performance.now();
    let seconds = 0;
    while (seconds < secondsAtLeast) {
      await compiled.run(state, [batch]);
      runs++;
      seconds = (performance.now() - start) / 1000;
    }
    return { size, gflops: (2 * size ** 3 * chained * runs) / seconds / 1e9 };
  } finally {
    state.dispose();
    await compiled.dispose();
  }
}

function chainedProducts(size: number): Program {
  return {
    name: 'matmul-rate',
    state: {},
    constants: { right: float32([size, size], new Float32Array(size * size).fill(1 / size)) },
    batch: { left: { shape: [size, size], dtype: 'float32' } },
    run: ({ constants, batch }) => {
      let product = batch['left'] as tf.Tensor2D;
      for (let i = 0; i < chained; i++) product = tf.matMul(product, constants['right'] as tf.Tensor2D);
      return { state: {}, readings: { mean: tf.mean(product) } };
    },
  };
}

/**
 * Training in half precision learns from an infinite gradient that its loss was scaled too much. What a number beyond the range of half
 * precision becomes, WGSL leaves to the GPU; so a GPU shows it before it trains.
 */
import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../../core/problems';
import { float32, type TensorSpec } from '../../../core/tensors';
import type { Engine, Program } from '../engine';

/** Of a product that fits matrix units, and is large enough to be worth them. */
const [ROWS, DEPTH, COLUMNS] = [128, 32, 128];
const left: TensorSpec = { shape: [ROWS, DEPTH], dtype: 'float32' };
const right: TensorSpec = { shape: [DEPTH, COLUMNS], dtype: 'float32' };

const program: Program = {
  name: 'overflow',
  state: {},
  constants: {},
  batch: { left, right },
  precision: 'float16',
  run: ({ batch }) => ({ state: {}, readings: { finite: tf.cast(tf.isFinite(tf.sum(tf.square(tf.matMul(batch['left']!, batch['right']!)))), 'float32') } }),
};

/** @throws UserError MIM4003 where an operand that overflows leaves no trace, or one that does not leaves one */
export async function requireOverflow(engine: Engine): Promise<void> {
  const compiled = await engine.compile(program);
  const state = engine.createState({});
  const operands = (one: number): Record<string, ReturnType<typeof float32>> => {
    const values = new Float32Array(ROWS * DEPTH).fill(1);
    values[7] = one;
    return { left: float32(left.shape, values), right: float32(right.shape, new Float32Array(DEPTH * COLUMNS).fill(1)) };
  };
  try {
    const finite = (await compiled.run(state, [operands(60_000), operands(70_000), operands(-70_000)])).map(({ finite: found }) => found!.data[0]);
    if (finite.join() === '1,0,0') return;
    throw new UserError('MIM4003', 'The GPU does not show when a number is too large for half precision.', 'Leave `engine.precision` out: float32 works.');
  } finally {
    await compiled.dispose();
    state.dispose();
  }
}

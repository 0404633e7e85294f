/** What engines with kernels of their own must compute: every operation that the tracer knows, products of all kinds of shapes, reductions large enough to be divided. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, it } from 'vitest';
import type { Engine, Program } from '../../../extension/training/engines/engine';
import { expectSame, functionOf, runEagerly } from './comparing';
import { kernelBatch, kernelCases, kernelProgram } from './kernel-cases';
import { normals } from './small-programs';

async function expectAsEager(engine: () => Engine, program: Program, batch: typeof kernelBatch | Record<string, ReturnType<typeof normals>>, tolerance: number): Promise<void> {
  const compiled = await engine().compile(program);
  const actual = await compiled.run(engine().createState({}), [batch]);
  const expected = await runEagerly(program, {}, [batch]);
  expectSame(actual[0]!, expected.readings[0]!, tolerance);
  await compiled.dispose();
}

/**
 * @param engine called in the tests, once it is open
 * @param tolerance of each operation alone, relative to the largest number
 */
export function computesEveryKernel(engine: () => Engine, tolerance: number): void {
  it.each(Object.keys(kernelCases))('%s', (name) => expectAsEager(engine, kernelProgram(name), kernelBatch, tolerance));

  describe('products', () => {
    it.each([
      // Of 64, of no multiple of four, of more than one tile, of few tiles and many columns.
      [1, 64, 64, 64], [1, 67, 70, 65], [1, 130, 96, 140], [1, 64, 1100, 64], [3, 70, 66, 69],
    ])('of %i × [%i, %i]·[…, %i], as they are and turned', async (batches, m, k, n) => {
      const shape = (rows: number, columns: number): number[] => (batches === 1 ? [rows, columns] : [batches, rows, columns]);
      const batch = { a: normals(shape(m, k), 1), at: normals(shape(k, m), 2), b: normals(shape(k, n), 3), bt: normals(shape(n, k), 4), bias: normals([n], 5) };
      const program = functionOf('products', batch, ({ a, at, b, bt, bias }) => ({
        plain: tf.matMul(a!, b!), left: tf.matMul(at!, b!, true), right: tf.matMul(a!, bt!, false, true), both: tf.matMul(at!, bt!, true, true),
        finished: tf.relu(tf.add(tf.mul(tf.matMul(a!, b!), 0.5), bias!)),
      }));
      await expectAsEager(engine, program, batch, 2e-6);
    });

    it('of broadcast batches', async () => {
      const batch = { a: normals([2, 3, 5, 4], 1), b: normals([1, 3, 4, 6], 2), c: normals([2, 1, 4, 6], 3) };
      const tiled = functionOf('tiled', batch, ({ a, b, c }) => ({ first: tf.matMul(a!, tf.tile(b!, [2, 1, 1, 1])), second: tf.matMul(a!, tf.tile(c!, [1, 3, 1, 1])) }));
      const expected = await runEagerly(tiled, {}, [batch]);
      // The eager kernel of the CPU repeats the batches of the second in another order.
      const compiled = await engine().compile(functionOf('broadcast', batch, ({ a, b, c }) => ({ first: tf.matMul(a!, b!), second: tf.matMul(a!, c!) })));
      expectSame((await compiled.run(engine().createState({}), [batch]))[0]!, expected.readings[0]!, 2e-6);
    });
  });

  it('reduces in chunks, over inner and outer axes, and all at once', async () => {
    const batch = { x: normals([300, 70], 1), long: normals([3, 5000], 2) };
    const program = functionOf('reductions', batch, ({ x, long }) => ({
      rows: tf.sum(x!, 1), columns: tf.sum(x!, 0), mean: tf.mean(x!, 0), most: tf.max(x!, 0), all: tf.sum(tf.square(x!)), long: tf.mean(long!, 1), least: tf.min(long!, 1),
    }));
    await expectAsEager(engine, program, batch, 2e-6);
  });
}

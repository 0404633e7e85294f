import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { float32 } from '../../../../extension/core/tensors';
import type { Program } from '../../../../extension/training/engines/engine';
import { NativeEngine } from '../../../../extension/training/engines/native/native-engine';
import { nativeSupport } from '../../../../extension/training/engines/native/native-support';
import { randomNumbers } from './run-kernel';

/** Of the sum of the terms' sizes. */
const CLOSE = 1e-6;

describe.skipIf(nativeSupport() !== undefined)('products with a long K', () => {
  it('are right, turned and not, in the same bits on any number of threads', async () => {
    for (const [m, n, k] of [[5, 12, 12_288], [12, 5, 8192], [1, 40, 20_000], [30, 60, 8193]] as const) for (const [transA, transB] of [[false, true], [true, false], [false, false], [true, true]] as const) {
      const [a, b] = [randomNumbers(m * k, 3), randomNumbers(n * k, 4)];
      const [left, right] = [transA ? [k, m] : [m, k], transB ? [n, k] : [k, n]];
      const program: Program = {
        name: 'deep', state: {}, constants: {}, batch: { a: { shape: left, dtype: 'float32' }, b: { shape: right, dtype: 'float32' } },
        run: ({ batch }) => ({ state: {}, readings: { c: tf.matMul(batch['a']!, batch['b']!, transA, transB) } }),
      };
      const results = await Promise.all([1, 2, 3].map(async (threads) => {
        const engine = await NativeEngine.create({ threads });
        const [readings] = await (await engine.compile(program)).run(engine.createState({}), [{ a: float32(left, a), b: float32(right, b) }]);
        return readings!['c']!.data;
      }));
      for (const other of results) expect(other).toEqual(results[0]);
      for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) {
        let [sum, size] = [0, 0];
        for (let depth = 0; depth < k; depth++) {
          const term = a[transA ? depth * m + i : i * k + depth]! * b[transB ? j * k + depth : depth * n + j]!;
          sum += term;
          size += Math.abs(term);
        }
        expect(Math.abs(results[0]![i * n + j]! - sum) / size, `${m} × ${n} × ${k} at ${i}, ${j}`).toBeLessThan(CLOSE);
      }
    }
  });
});

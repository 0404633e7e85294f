import { expect, it } from 'vitest';
import { releaseMemory } from '../../../extension/training/engines/compiled/release-memory';

it('empties arrays that are alone in their memory, each once', () => {
  const [a, b] = [new Float32Array(100), new Int32Array(7)];
  releaseMemory([a, b, a]);
  expect([a.length, b.length]).toEqual([0, 0]);
  releaseMemory([a]);
});

it('gives it back at once, whatever the collector of garbage does', () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 20; i++) releaseMemory([new Float32Array(2 ** 22).fill(1)]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 25);
});

it('leaves what shares its memory with others', () => {
  const small = Buffer.concat([Buffer.from('a small buffer')]);
  const part = new Float32Array(10).subarray(2);
  releaseMemory([small, part]);
  expect([small.toString(), part.length]).toEqual(['a small buffer', 8]);
});

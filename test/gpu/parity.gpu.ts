/** Steps on WebGPU equal those of PyTorch in float64, at the bounds of the other engines. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createEngine } from '../../extension/training/engines/create';
import type { Engine } from '../../extension/training/engines/engine';
import { expectParity } from '../parity/expect-parity';
import { parityCases } from '../parity/parity-case';

let engine: Engine;
beforeAll(async () => {
  ({ engine } = await createEngine({ kind: 'compiled-webgpu', threads: 1 }));
  expect(engine.kind).toBe('compiled-webgpu');
});
afterAll(() => engine.dispose());

it.each(parityCases.map((parityCase) => [parityCase.name, parityCase] as const))('%s trains as in PyTorch', (_name, parityCase) => expectParity(engine, parityCase));

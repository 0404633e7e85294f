/** Steps on WebGPU equal those of PyTorch in float64, at the bounds of the other engines. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../extension/training/engines/create';
import type { Engine } from '../../extension/training/engines/engine';
import { expectParity } from '../parity/expect-parity';
import { parityCases } from '../parity/parity-case';
import { gpuEngines } from './gpu-engines';

describe.each(gpuEngines)('on %s', (kind) => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await createEngine({ kind, threads: 1 }));
    expect(engine.kind).toBe(kind);
  });
  afterAll(() => engine.dispose());

  it.each(parityCases.map((parityCase) => [parityCase.name, parityCase] as const))('%s trains as in PyTorch', (_name, parityCase) => expectParity(engine, parityCase));
});

/** Steps equal those of an independent PyTorch implementation run in float64 (fixtures/reference.py). */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { createEngine } from '../../extension/training/engines/create';
import type { Engine } from '../../extension/training/engines/engine';
import { expectParity } from './expect-parity';
import { parityCases } from './parity-case';

describe.each(['tfjs-cpu', 'compiled-cpu'] as const)('on %s', (kind) => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await createEngine({ kind, threads: 1 }));
  });
  afterAll(() => engine.dispose());

  it.each(parityCases.map((parityCase) => [parityCase.name, parityCase] as const))('%s trains as in PyTorch', (_name, parityCase) => expectParity(engine, parityCase));
});

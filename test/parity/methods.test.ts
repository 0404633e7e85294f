/** Steps equal those of an independent PyTorch implementation run in float64 (fixtures/reference.py). */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { createEngine } from '../../extension/training/engines/create';
import type { Engine } from '../../extension/training/engines/engine';
import { expectParity } from './expect-parity';
import { parityCases, parityExperiment, parityMethod } from './parity-case';

/** Those whose teacher can be asked before the step. */
const looked = parityCases.filter((parityCase) => parityMethod(parityCase, parityExperiment(parityCase)).looking !== undefined);

describe.each(['tfjs-cpu', 'compiled-cpu'] as const)('on %s', (kind) => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await createEngine({ kind, threads: 1 }));
  });
  afterAll(() => engine.dispose());

  it.each(parityCases.map((parityCase) => [parityCase.name, parityCase] as const))('%s trains as in PyTorch', (_name, parityCase) => expectParity(engine, parityCase));

  it.each(looked.map((parityCase) => [parityCase.name, parityCase] as const))('%s trains so from what the teacher said before', (_name, parityCase) => expectParity(engine, parityCase, 'before'));
});

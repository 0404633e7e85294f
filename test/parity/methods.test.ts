/** Steps equal those of an independent PyTorch implementation run in float64 (fixtures/reference.py). */
import { afterAll, beforeAll, describe, it } from 'vitest';
import { CompiledEngine } from '../../extension/training/engines/compiled/compiled-engine';
import { createEngine } from '../../extension/training/engines/create';
import type { Engine } from '../../extension/training/engines/engine';
import { nativeHere } from '../native-here';
import { expectParity } from './expect-parity';
import { parityCases, parityExperiment, parityMethod } from './parity-case';

/** Those whose teacher can be asked before the step. */
const looked = parityCases.filter((parityCase) => parityMethod(parityCase, parityExperiment(parityCase)).looking !== undefined);

const engines = {
  'tfjs-cpu': async () => (await createEngine({ kind: 'tfjs-cpu', threads: 1 })).engine,
  'compiled-cpu': async () => (await createEngine({ kind: 'compiled-cpu', threads: 1 })).engine,
  // As larger models are: these have too little state.
  'compiled-cpu, updates divided from the step': () => CompiledEngine.create({ threads: 1, leastUpdated: 1 }),
  ...Object.fromEntries(nativeHere.map((kind) => [kind, async () => (await createEngine({ kind, threads: 1 })).engine])),
};

describe.each(Object.entries(engines))('on %s', (_kind, create) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await create();
  });
  afterAll(() => engine.dispose());

  it.each(parityCases.map((parityCase) => [parityCase.name, parityCase] as const))('%s trains as in PyTorch', (_name, parityCase) => expectParity(engine, parityCase));

  it.each(looked.map((parityCase) => [parityCase.name, parityCase] as const))('%s trains so from what the teacher said before', (_name, parityCase) => expectParity(engine, parityCase, 'before'));
});

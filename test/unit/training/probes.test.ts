/** One encoder through the protocols, on real images of the procedural set. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationSchema, type EvaluationConfig } from '../../../extension/core/config/schema';
import { openImageSource } from '../../../extension/training/data/open-source';
import { CompiledEngine } from '../../../extension/training/engines/compiled/compiled-engine';
import type { Engine } from '../../../extension/training/engines/engine';
import { initialVit } from '../../../extension/training/nn/initialise';
import { Probes } from '../../../extension/training/probes';
import { RandomStream } from '../../../extension/training/random';
import { experiment, MICRO_STUDENT, randomTeacher } from '../model/experiments';

const data = { kind: 'shapes', size: 60, test_size: 40, image_size: 16, threads: 1 } as const;
const resolved = experiment({ data, teacher: { ema: {} }, optimizer: { batch_size: 4 } });
const weights = initialVit(new RandomStream(1, 'initialise'), MICRO_STUDENT);

let engine: Engine;
let probes: Probes;
beforeAll(async () => {
  engine = CompiledEngine.create({ threads: 1 });
  const [train, test] = await Promise.all((['train', 'test'] as const).map((split) => openImageSource(resolved.data, split, resolved.data.seed)));
  probes = new Probes({ engine, experiment: resolved, train: train!, test: test! });
});
afterAll(async () => {
  await probes.close();
  await engine.dispose();
});

const evaluation = (input: Partial<EvaluationConfig>): EvaluationConfig => evaluationSchema.parse({ protocol: 'knn', at: 'end', ...input });

async function ofStudent(...evaluations: EvaluationConfig[]) {
  const state = engine.createState(weights);
  try {
    return await probes.student(state, 7, evaluations);
  } finally {
    state.dispose();
  }
}

describe('the evaluations of an encoder', () => {
  it('of every layer are a result each, the last of which is what is evaluated without layers', async () => {
    const results = await ofStudent(evaluation({ layers: 'all', features: 'mean' }), evaluation({ features: 'mean' }));
    expect(results.map(({ name, layer, step }) => [name, layer, step])).toEqual([['knn-mean-l1', 1, 7], ['knn-mean-l2', 2, 7], ['knn-mean-l3', 3, 7], ['knn-mean', undefined, 7]]);
    const [first, , last, plain] = results.map(({ result }) => result);
    expect({ ...last, layer: undefined, featureSource: '', seconds: 0 }).toEqual({ ...plain, featureSource: '', seconds: 0 });
    expect(last).toMatchObject({ layer: 3, featureSource: 'block 3: mean of the patch tokens after the final norm' });
    expect(first!.collapseStd).not.toBe(last!.collapseStd);
  });

  it('of a teacher leave out the layers it does not have', async () => {
    const results = await probes.frozen('teacher', randomTeacher({ depth: 2 }), 0, [evaluation({ layers: [2, 3] })]);
    expect(results.map(({ name }) => name)).toEqual(['knn-l2-teacher']);
    expect(await probes.frozen('teacher', randomTeacher({ depth: 2 }), 0, [evaluation({ layers: [3] })])).toEqual([]);
  });

  it('read CLS and mean together twice as wide', async () => {
    const results = await ofStudent(evaluation({ features: 'both' }), evaluation({ protocol: 'linear', epochs: 2, features: 'both', layers: [1] }));
    expect(results.map(({ name, result }) => [name, result.featureWidth])).toEqual([['knn-both', 32], ['linear-e2-both-l1', 32]]);
  });
});

/** One encoder through the protocols, on real images of the procedural set. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluationSchema, type EvaluationConfig } from '../../../extension/core/config/schema';
import { openImageSource } from '../../../extension/training/data/open-source';
import { CompiledEngine } from '../../../extension/training/engines/compiled/compiled-engine';
import type { AttentiveProbeResult } from '../../../extension/training/evaluation/attentive-probe';
import type { Engine } from '../../../extension/training/engines/engine';
import type { RobustnessResult } from '../../../extension/training/evaluation/robustness';
import { initialVit } from '../../../extension/training/nn/initialise';
import { Probes, type ProbeContext } from '../../../extension/training/probes';
import { RandomStream } from '../../../extension/training/random';
import { experiment, MICRO_STUDENT, randomTeacher } from '../model/experiments';

const data = { kind: 'shapes', size: 300, test_size: 40, image_size: 16, threads: 1 } as const;
const resolved = experiment({ data, teacher: { ema: {} }, optimizer: { batch_size: 4 } });
const weights = initialVit(new RandomStream(1, 'initialise'), MICRO_STUDENT);

let engine: Engine;
let probes: Probes;
let context: ProbeContext;
beforeAll(async () => {
  engine = await CompiledEngine.create({ threads: 1 });
  const [train, test] = await Promise.all((['train', 'test'] as const).map((split) => openImageSource(resolved.data, split, resolved.data.seed)));
  context = { engine, experiment: resolved, train: train!, test: test! };
  probes = new Probes(context);
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

  it('by an attentive probe read the patch tokens, whole or in parts', async () => {
    const attentive = evaluation({ protocol: 'attentive', epochs: 4, queries: 4 });
    const [whole] = await ofStudent(attentive);
    expect(whole).toMatchObject({ name: 'attentive-e4-q4', protocol: 'attentive', features: 'patches' });
    expect(whole!.result).toMatchObject({ queries: 4, tokens: 16, featureWidth: 16, featureSource: 'patch tokens after the final norm', trainImages: 300, testImages: 40 });
    const state = engine.createState(weights);
    // Tokens of 128 images: the 300 come in three parts, of which the last batch is left out.
    const few = new Probes({ ...context, tokenBytes: 1 });
    const [parts] = await few.student(state, 7, [attentive]);
    expect(parts!.result).toMatchObject({ trainImages: 300, testImages: 40, batchSize: 16 });
    expect((parts!.result as AttentiveProbeResult).trainLoss).toBeLessThan(3);
    const [augmented] = await few.student(state, 7, [evaluation({ protocol: 'attentive', preset: 'mae', epochs: 2, queries: 4, layers: [2] })]);
    expect(augmented).toMatchObject({ name: 'attentive-mae-e2-q4-l2', layer: 2, result: { augmentation: { flip: 0.5 }, batchSize: 128, layer: 2 } });
    state.dispose();
    await few.close();
  });

  it('under corruptions are those of one linear probe', async () => {
    const [result] = await ofStudent(evaluation({ protocol: 'robustness', epochs: 2 }));
    expect(result).toMatchObject({ name: 'robustness-e2', protocol: 'robustness', features: 'cls', result: { severitySource: 'those of CIFAR-10-C', severities: [1, 2, 3, 4, 5] } });
    const { corruptedTop1 } = result!.result as RobustnessResult;
    expect(Object.entries(corruptedTop1).map(([name, accuracies]) => [name, accuracies.length])).toEqual([['gaussian_noise', 5], ['gaussian_blur', 5], ['contrast', 5], ['jpeg_compression', 5]]);
    const [again] = await ofStudent(evaluation({ protocol: 'robustness', epochs: 2 }));
    expect((again!.result as RobustnessResult).corruptedTop1).toEqual(corruptedTop1);
  });
});

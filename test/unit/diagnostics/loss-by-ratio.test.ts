import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hidesPatches, METHODS, needsTeacher, type MethodName } from '../../../extension/core/config/method-traits';
import type { ExperimentInput, ResolvedExperiment } from '../../../extension/core/config/schema';
import { lossProgram, ratioVariants } from '../../../extension/training/diagnostics/loss-by-ratio';
import { createEngine } from '../../../extension/training/engines/create';
import type { Engine } from '../../../extension/training/engines/engine';
import { createMethod } from '../../../extension/training/methods/create';
import { RandomStream } from '../../../extension/training/random';
import { trainingPrograms } from '../../../extension/training/step';
import { MICRO_STUDENT, experiment, randomImages, randomTeacher } from '../model/experiments';

const BATCH = 4;
const teacher = randomTeacher();

function resolvedOf(method: MethodName, input: Partial<ExperimentInput> = {}): ResolvedExperiment {
  const taught = needsTeacher(method) && !['data2vec', 'ijepa'].includes(method) ? { teacher: { checkpoint: 'teacher.safetensors' } } : {};
  return experiment({ method, ...taught, ...(method === 'beit' && { codebook: { size: 8 } }), optimizer: { batch_size: BATCH }, ...input }, { ...MICRO_STUDENT, dropPath: 0.2 });
}

const ratiosOf = (variants: readonly ResolvedExperiment[], wanted: string): number[] => variants.filter(({ masking }) => masking.strategy === wanted).map(({ masking }) => masking.ratio);

describe('the ratios at which a loss is looked at', () => {
  it('are all under random, the own and attentive masks for MaskAlign, which may hide nothing', () => {
    const variants = ratioVariants(resolvedOf('maskalign', { masking: { strategy: 'block', ratio: 0.5 } }));
    for (const strategy of ['random', 'block', 'attentive']) expect(ratiosOf(variants, strategy)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
  });

  it('are those that hide something for the others, without a teacher under no attentive masks', () => {
    const variants = ratioVariants(resolvedOf('mae'));
    expect(new Set(variants.map(({ masking }) => masking.strategy))).toEqual(new Set(['random']));
    expect(ratiosOf(variants, 'random')).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]);
  });

  it('leave I-JEPA its blocks, and the grid its one ratio', () => {
    const predicted = ratioVariants(resolvedOf('ijepa', { masking: { ratio: 0.75 } }));
    expect(new Set(predicted.map(({ masking }) => masking.strategy))).toEqual(new Set(['multi_block']));
    expect(predicted.length).toBeGreaterThan(1);
    expect(ratiosOf(ratioVariants(resolvedOf('mae', { masking: { strategy: 'grid' } })), 'grid')).toEqual([]);
  });
});

describe('the loss by mask ratio', () => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await createEngine({ kind: 'tfjs-cpu', threads: 1 }));
  });
  afterAll(() => engine.dispose());

  it.each(METHODS.filter(hidesPatches))('of %s reads the parameters of the training as they are, at every ratio', async (name) => {
    const resolved = resolvedOf(name, { ...(name === 'ijepa' && { masking: { ratio: 0.75 } }), ...(name === 'cae' && { masking: { ratio: 0.5 } }) });
    const context = resolved.teacher?.ema ? {} : { teacher };
    const state = engine.createState(trainingPrograms(createMethod(resolved, context), resolved).initialState(1));
    const images = randomImages(new RandomStream(0, 'images'), BATCH, 16);
    const variants = ratioVariants(resolved);
    expect(variants.length).toBeGreaterThan(0);
    for (const variant of variants) {
      const method = createMethod(variant, context);
      const compiled = await engine.compile(lossProgram(method, variant, BATCH));
      const [readings] = await compiled.run(state, [{ images, ...method.draw(new RandomStream(1, 'draws'), BATCH) }]);
      await compiled.dispose();
      expect(Number.isFinite(readings!['loss']!.data[0]), `${variant.masking.strategy} ${variant.masking.ratio}`).toBe(true);
    }
    state.dispose();
  });

  it('is the loss of the training at its own ratio', async () => {
    const resolved = { ...resolvedOf('mae', { masking: { ratio: 0.5 } }), student: MICRO_STUDENT };
    const [variant] = ratioVariants(resolved).filter(({ masking }) => masking.ratio === 0.5);
    const losses = await Promise.all([resolved, variant!].map(async (one) => {
      const method = createMethod(one, {});
      const state = engine.createState(trainingPrograms(method, one).initialState(1));
      const compiled = await engine.compile(lossProgram(method, one, BATCH));
      return (await compiled.run(state, [{ images: randomImages(new RandomStream(0, 'images'), BATCH, 16), ...method.draw(new RandomStream(1, 'draws'), BATCH) }]))[0]!['loss']!.data[0]!;
    }));
    expect(losses[1]).toBe(losses[0]);
  });
});

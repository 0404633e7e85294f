/** Any combination of options makes a step: the loss is finite and every parameter that the method reads has a gradient. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createEngine } from '../../../extension/training/engines/create';
import { createMethod } from '../../../extension/training/methods/create';
import { RandomStream } from '../../../extension/training/random';
import { trainingPrograms } from '../../../extension/training/step';
import { MICRO_STUDENT, experiment, randomImages, randomTeacher, scalar } from './experiments';

const combination = fc.record({
  alignment: fc.record({
    levels: fc.constantFrom('auto', 'mean', 'out', 'linear_decay', 'top2', 'mid0', 'mid1'),
    fusion: fc.constantFrom('simple' as const, 'linear' as const, 'sum' as const),
    order: fc.constantFrom('mix-then-adapt' as const, 'adapt-then-mix' as const),
    adaptor: fc.constantFrom('linear' as const, 'norm_linear' as const, 'mlp' as const, 'mlp2' as const),
    target_norm: fc.constantFrom('none' as const, 'l2' as const, 'whiten' as const, 'bn' as const),
    loss: fc.constantFrom('l2' as const, 'l1' as const, 'smooth_l1' as const),
  }),
  masking: fc.record({ strategy: fc.constantFrom('attentive' as const, 'random' as const), ratio: fc.constantFrom(0, 0.3, 0.75, 0.9) }),
  dropPath: fc.constantFrom(0, 0.3),
  clip: fc.constantFrom(undefined, 0.5),
  teacher: fc.constantFrom({}, { prenorm: true, patchBias: false, activation: 'quick_gelu' as const }, { registers: 1, layerScale: true }),
  selfTaught: fc.boolean(),
});

it('any combination of options makes a step', async () => {
  const { engine } = await createEngine({ kind: 'tfjs-cpu', threads: 1 });
  await fc.assert(
    fc.asyncProperty(combination, async ({ alignment, masking, dropPath, clip, teacher, selfTaught }) => {
      const resolved = experiment(
        { alignment, masking, optimizer: { batch_size: 2, clip_grad: clip }, teacher: selfTaught ? { ema: {} } : { checkpoint: 'teacher' } },
        { ...MICRO_STUDENT, dropPath },
      );
      const method = createMethod(resolved, { teacher: randomTeacher(teacher) });
      const programs = trainingPrograms(method, resolved);
      const state = engine.createState(programs.initialState(0));
      const step = await engine.compile(programs.single!);
      const random = new RandomStream(1, 'combination');
      const batch = { images: randomImages(random, 2, 16), ...method.draw(random, 2), lr: scalar(1e-3), step: scalar(1), ema_momentum: scalar(0.9) };
      const [readings] = await step.run(state, [batch]);
      expect(Number.isFinite(readings!['loss']!.data[0])).toBe(true);
      expect(Number.isFinite(readings!['grad_norm']!.data[0])).toBe(true);
      expect(Array.from(readings!['level_cosines']!.data).every((cosine) => Math.abs(cosine) <= 1.0001)).toBe(true);
      state.dispose();
      await step.dispose();
    }),
    { numRuns: 20 },
  );
  await engine.dispose();
});

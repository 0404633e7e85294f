/** Every method beside MaskAlign: it learns, whatever its teacher and masks are, and what it draws does not cheat. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needsTeacher } from '../../../extension/core/config/method-traits';
import type { ExperimentInput, ResolvedExperiment } from '../../../extension/core/config/schema';
import type { HostTensor } from '../../../extension/core/tensors';
import { createEngine } from '../../../extension/training/engines/create';
import type { Engine } from '../../../extension/training/engines/engine';
import { createMethod } from '../../../extension/training/methods/create';
import type { Method } from '../../../extension/training/methods/method';
import { reconstruct } from '../../../extension/training/preview/reconstruct';
import { RandomStream } from '../../../extension/training/random';
import { trainingPrograms } from '../../../extension/training/step';
import { MICRO_STUDENT, experiment, randomImages, randomTeacher, scalar } from './experiments';

let engine: Engine;
beforeAll(async () => {
  ({ engine } = await createEngine({ kind: 'tfjs-cpu', threads: 1 }));
});
afterAll(() => engine.dispose());

async function losses(method: Method, resolved: ResolvedExperiment, steps: number): Promise<number[]> {
  const programs = trainingPrograms(method, resolved);
  const state = engine.createState(programs.initialState(1));
  const compiled = await engine.compile(programs.single!);
  const random = new RandomStream(3, 'test');
  const batch = { images: randomImages(random, 4, 16), ...method.draw(random, 4) };
  const batches = Array.from({ length: steps }, (_, step) => ({ ...batch, lr: scalar(3e-3), step: scalar(step + 1), ema_momentum: scalar(0.99) }));
  const readings = await compiled.run(state, batches);
  await compiled.dispose();
  state.dispose();
  return readings.map((reading) => reading['loss']!.data[0]!);
}

describe('a repeated batch is learnt', () => {
  const teacher = { checkpoint: 'teacher.safetensors' };
  const cases: [string, Partial<ExperimentInput>][] = [
    ['mae', { method: 'mae' }],
    ['mae on a grid, raw pixels', { method: 'mae', masking: { strategy: 'grid' }, reconstruction: { norm_pix: false, loss: 'l1' } }],
    ['simmim', { method: 'simmim' }],
    ['simmim by blocks', { method: 'simmim', masking: { strategy: 'block', ratio: 0.5 }, reconstruction: { loss: 'smooth_l1_beta2' } }],
    ['feature_distillation', { method: 'feature_distillation', teacher }],
    ['feature_inpainting', { method: 'feature_inpainting', teacher }],
    ['feature_inpainting, the attended hidden', { method: 'feature_inpainting', teacher, masking: { strategy: 'attentive_hidden', ratio: 0.5 } }],
    ['feature_inpainting by its own average', { method: 'feature_inpainting', teacher: { ema: {} }, reconstruction: { target_norm: 'whiten', loss: 'smooth_l1_beta2' } }],
    ['milan', { method: 'milan', teacher }],
    ['milan, the most attended visible', { method: 'milan', teacher, masking: { strategy: 'top_visible' } }],
  ];
  it.each(cases)('by %s', async (_name, input) => {
    const resolved = experiment({ ...input, optimizer: { batch_size: 4 } }, { ...MICRO_STUDENT, dropPath: 0.2 });
    const method = createMethod(resolved, needsTeacher(resolved.method) && !resolved.teacher?.ema ? { teacher: randomTeacher() } : {});
    const values = await losses(method, resolved, 6);
    expect(values.every(Number.isFinite)).toBe(true);
    expect(values[5]!).toBeLessThan(values[0]! * 0.98);
  });
});

describe.each(['mae', 'simmim'] as const)('the reconstruction of %s', (name) => {
  async function drawn(images: HostTensor): Promise<{ images: readonly Float32Array[]; hidden: (image: number, offset: number) => boolean; estimated: boolean }> {
    const resolved = experiment({ method: name, optimizer: { batch_size: 4 } });
    const method = createMethod(resolved, {});
    const draws = method.draw(new RandomStream(3, 'test'), 4);
    const state = engine.createState(trainingPrograms(method, resolved).initialState(1));
    const made = await reconstruct({ engine, method, state, images, drawn: draws, patchSize: 4 });
    state.dispose();
    const { shape, data } = draws['masked_ids']!;
    const masked = Array.from({ length: 4 }, (_, image) => new Set(data.subarray(image * shape[1]!, (image + 1) * shape[1]!)));
    const hidden = (image: number, offset: number): boolean => masked[image]!.has(Math.floor((offset % 256) / 64) * 4 + Math.floor((offset % 16) / 4));
    return { ...made!, hidden };
  }

  it('keeps visible patches as they are and says nothing that hidden ones tell', async () => {
    const images = randomImages(new RandomStream(5, 'images'), 4, 16);
    const first = await drawn(images);
    const other = { ...images, data: images.data.map((value, i) => (first.hidden(Math.floor(i / 768), i % 768) ? 3 - 2 * value : value)) };
    const second = await drawn(other);
    expect(first.estimated).toBe(name === 'mae');
    first.images.forEach((image, i) => {
      image.forEach((value, offset) => {
        const was = images.data[i * 768 + offset]!;
        if (!first.hidden(i, offset)) expect(value).toBe(was);
        expect(Number.isFinite(value)).toBe(true);
      });
      expect(second.images[i]).toEqual(image);
    });
  });
});

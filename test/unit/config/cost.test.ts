import { describe, expect, test } from 'vitest';
import { gmacPerImage, vitMacs } from '../../../extension/core/config/cost';
import type { VitShape } from '../../../extension/core/config/schema';
import { vitPreset } from '../../../extension/core/config/vit-presets';
import { resolvedOf } from './experiment-of';

function shape(preset: string, imageSize: number): VitShape {
  return { imageSize, ...vitPreset(preset)! };
}

const base = (...lines: string[]) => resolvedOf('data: { kind: shapes, image_size: 224 }', 'student: vit_base_patch16', ...lines);
const tiny = (...lines: string[]) => resolvedOf(...lines);
const supervised = ['method: supervised', 'teacher: absent'];

describe('GMAC per image', () => {
  test('ViT-B/16 at 224 px costs 17.56 forward', () => {
    expect(vitMacs(shape('vit_base_patch16', 224), 196) / 1e9).toBeCloseTo(17.56, 2);
  });

  // The table of published and computed costs: a full step, a MaskAlign step at ratio 0.7, and the same without its teacher.
  test.each([
    ['ViT-B/16 at 224', base, 52.7, 34.4, 16.9, 0.05],
    ['ViT-Ti/4 at 32', tiny, 1.1, 0.72, 0.35, 0.005],
  ])('%s: steps of full training, MaskAlign, and MaskAlign with cached teacher', (_name, experiment, full, maskAlign, cached, tolerance) => {
    const cost = gmacPerImage(experiment('masking: { ratio: 0.7 }'));
    expect(Math.abs(gmacPerImage(experiment(...supervised)).step - full)).toBeLessThan(tolerance);
    expect(Math.abs(cost.step - maskAlign)).toBeLessThan(tolerance);
    expect(Math.abs(cost.step - cost.teacher - cached)).toBeLessThan(2 * tolerance);
  });

  test('MaskAlign at ratio 0.7 takes 65 % of full training, and 32 % without the teacher', () => {
    const full = gmacPerImage(base(...supervised)).step;
    const { step, teacher } = gmacPerImage(base('masking: { ratio: 0.7 }'));
    expect(step / full).toBeCloseTo(0.65, 2);
    expect((step - teacher) / full).toBeCloseTo(0.32, 2);
  });

  test('a teacher of another patch size sees as many patches as the student has', () => {
    const cost = gmacPerImage(tiny(), shape('vit_base_patch16', 224));
    expect(cost.teacher).toBeCloseTo(vitMacs(shape('vit_base_patch16', 128), 64) / 1e9, 10);
  });

  test('mixing after adapting costs more where the teacher is wider', () => {
    const wide = shape('vit_base_patch16', 224);
    const before = gmacPerImage(tiny('alignment: { order: mix-then-adapt }'), wide).heads;
    const after = gmacPerImage(tiny('alignment: { order: adapt-then-mix }'), wide).heads;
    expect(after).toBeGreaterThan(before);
    expect(gmacPerImage(tiny('alignment: { fusion: simple }'), wide).heads).toBeLessThan(before);
  });
});

// The same table, to two percent: there heads are left out or counted with other widths.
describe('a step of every method, in GMAC', () => {
  test.each([
    ['mae', 29.3, 0.64],
    ['simmim', 52.7, 1.1],
    ['feature_distillation', 70.6, 1.47],
    ['feature_inpainting', 70.3, 1.46],
    ['milan', 43.4, 0.95],
    ['maskfeat', 52.7, 1.1],
    ['data2vec', 70.3, 1.46],
    ['beit', 70.3, 1.46],
    // By hand: 41 tokens in 12 blocks, 6 linear layers at 40 of them, the teacher; 14 and 13.
    ['umt', 28.87, 0.601],
    // 121 tokens seen, 75 regressed and decoded in 4 blocks each, the encoder on those 75, the teacher; 39 and 25.
    ['cae', 71.5, 1.481],
    // By hand: 59 tokens of context; four times 84 in 6 blocks of 384, a target having at least 24; 20, and 28 in 4 of 192; the teacher.
    ['ijepa', 44.22, 1.3056],
    // By hand: 50 tokens in 12 blocks of 768, then 49 that ask them in 12 of 512; 17 in 12 of 192, then 16 in 4.
    ['crossmae', 19.43, 0.3645],
  ])('%s: %f for ViT-B/16 at 224, %f for ViT-Ti/4 at 32', (method, large, small) => {
    const teacher = ['mae', 'simmim', 'crossmae', 'maskfeat'].includes(method) ? 'teacher: absent' : 'teacher: { checkpoint: teacher.safetensors }';
    expect(Math.abs(gmacPerImage(base(`method: ${method}`, teacher)).step / large - 1)).toBeLessThan(0.02);
    expect(Math.abs(gmacPerImage(tiny(`method: ${method}`, teacher)).step / small - 1)).toBeLessThan(0.02);
  });
});

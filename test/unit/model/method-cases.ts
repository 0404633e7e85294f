/** What of each method is tried where all of them are, at micro size. */
import { needsTeacher } from '../../../extension/core/config/method-traits';
import type { ExperimentInput, ResolvedExperiment } from '../../../extension/core/config/schema';
import { createMethod } from '../../../extension/training/methods/create';
import type { Method } from '../../../extension/training/methods/method';
import { MICRO_STUDENT, experiment, randomTeacher } from './experiments';

const teacher = { checkpoint: 'teacher.safetensors' };
/** Every method beside MaskAlign, with every kind of teacher and mask that its loss tells apart. */
export const methodCases: readonly [string, Partial<ExperimentInput>][] = [
  ['mae', { method: 'mae' }],
  ['mae on a grid, raw pixels', { method: 'mae', masking: { strategy: 'grid' }, reconstruction: { norm_pix: false, loss: 'l1' } }],
  ['mae as in AMT', { method: 'mae', teacher: { ema: {} }, masking: { strategy: 'attentive_hidden', ratio: 0.45, throw_ratio: 0.4 } }],
  ['milan with patches thrown away', { method: 'milan', teacher, masking: { strategy: 'attentive_hidden', ratio: 0.45, throw_ratio: 0.4 } }],
  ['crossmae', { method: 'crossmae' }],
  ['crossmae of every hidden patch', { method: 'crossmae', masking: { ratio: 0.5 }, decoder: { kept_mask_ratio: 0.5 } }],
  ['maskfeat', { method: 'maskfeat', optimizer: { batch_size: 4, clip_grad: 1 } }],
  ['data2vec', { method: 'data2vec', teacher }],
  ['data2vec by its own average', { method: 'data2vec' }],
  ['ijepa', { method: 'ijepa', masking: { ratio: 0.75 } }],
  ['ijepa by a frozen teacher', { method: 'ijepa', teacher, masking: { ratio: 0.75 } }],
  ['mae in the context of I-JEPA', { method: 'mae', masking: { strategy: 'multi_block', ratio: 0.75 } }],
  ['beit', { method: 'beit', teacher, codebook: { size: 8 } }],
  ['cae', { method: 'cae', teacher, masking: { ratio: 0.5 } }],
  ['umt', { method: 'umt', teacher }],
  ['umt of every patch, by its own average', { method: 'umt', teacher: { ema: {} }, masking: { ratio: 0 } }],
  ['simmim', { method: 'simmim' }],
  ['simmim by blocks', { method: 'simmim', masking: { strategy: 'block', ratio: 0.5 }, reconstruction: { loss: 'smooth_l1_beta2' } }],
  ['feature_distillation', { method: 'feature_distillation', teacher }],
  ['feature_inpainting', { method: 'feature_inpainting', teacher }],
  ['feature_inpainting, the attended hidden', { method: 'feature_inpainting', teacher, masking: { strategy: 'attentive_hidden', ratio: 0.5 } }],
  ['feature_inpainting by its own average', { method: 'feature_inpainting', teacher: { ema: {} }, reconstruction: { target_norm: 'whiten', loss: 'smooth_l1_beta2' } }],
  ['milan', { method: 'milan', teacher }],
  ['milan, the most attended visible', { method: 'milan', teacher, masking: { strategy: 'top_visible' } }],
];

/** For batches of 4 images of 16 pixels. */
export function methodOfCase(input: Partial<ExperimentInput>): { method: Method; resolved: ResolvedExperiment } {
  const resolved = experiment({ ...input, optimizer: { batch_size: 4, ...input.optimizer } }, { ...MICRO_STUDENT, dropPath: 0.2 });
  const method = createMethod(resolved, needsTeacher(resolved.method) && !resolved.teacher?.ema ? { teacher: randomTeacher() } : {});
  return { method, resolved };
}

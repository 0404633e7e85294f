import { describe, expect, test } from 'vitest';
import { freezeResolved, parseResolved } from '../../../extension/core/config/freeze';
import { checkText } from '../../../extension/core/config/load';
import { METHODS, needsTeacher } from '../../../extension/core/config/method-traits';
import { experimentText, resolvedOf } from './experiment-of';

const teacherFor = (method: (typeof METHODS)[number]): string => (needsTeacher(method) ? 'teacher: { checkpoint: teacher.safetensors }' : 'teacher: absent');

function problemsOf(...lines: string[]): string[] {
  return checkText(experimentText(...lines), '/lab/my.mim.yaml').problems.map(({ code, severity, key }) => `${severity} ${code} ${key ?? ''}`.trim());
}

describe('the method fills in its own recipe', () => {
  test.each([
    ['mae', { masking: { strategy: 'random', ratio: 0.75 }, optimizer: { blr: 1.5e-4, betas: [0.9, 0.95] }, decoder: { depth: 4, width: 192, heads: 3 }, reconstruction: { norm_pix: true, loss: 'l2' } }],
    ['simmim', { masking: { strategy: 'coarse', ratio: 0.6, unit: 2 }, optimizer: { blr: 5e-5, clip_grad: 5 }, data: { crop_scale: [0.67, 1] }, reconstruction: { norm_pix: false, loss: 'l1' } }],
    ['feature_distillation', { optimizer: { clip_grad: 3 }, reconstruction: { target_norm: 'whiten', loss: 'smooth_l1_beta2' } }],
    ['feature_inpainting', { masking: { strategy: 'block', ratio: 0.4 }, reconstruction: { target_norm: 'none', loss: 'cosine' } }],
    ['milan', { masking: { strategy: 'attentive', ratio: 0.75 }, decoder: { depth: 4 }, reconstruction: { loss: 'cosine' } }],
    ['crossmae', { masking: { strategy: 'random', ratio: 0.75 }, decoder: { depth: 4, width: 192, heads: 3, kept_mask_ratio: 0.25 }, reconstruction: { norm_pix: true, loss: 'l2' } }],
    ['maskfeat', { masking: { strategy: 'block', ratio: 0.4 }, optimizer: { blr: 2e-4, clip_grad: 0.02 }, data: { crop_scale: [0.5, 1] }, reconstruction: { hog_bins: 9, hog_cell: 2, loss: 'l2' } }],
    ['data2vec', { masking: { strategy: 'block', ratio: 0.61 }, optimizer: { clip_grad: 3 }, reconstruction: { average_top_k: 6, target_norm: 'whiten', loss: 'smooth_l1_beta2' } }],
    ['ijepa', { masking: { strategy: 'multi_block', ratio: 0.7, num_pred_masks: 4, pred_mask_scale: [0.15, 0.2], enc_mask_scale: [0.85, 1], aspect_ratio: [0.75, 1.5] }, data: { crop_scale: [0.3, 1], flip: 0 }, decoder: { depth: 4, width: 192 }, reconstruction: { target_norm: 'whiten', loss: 'smooth_l1_beta1' } }],
    ['beit', { masking: { strategy: 'block', ratio: 0.38 }, codebook: { size: 512, images: 2048, iterations: 20 }, reconstruction: { target_norm: 'l2', loss: 'cross_entropy' } }],
    ['cae', { masking: { strategy: 'block', ratio: 0.38 }, decoder: { depth: 4, width: 192 }, reconstruction: { target_norm: 'none', loss: 'cosine' } }],
    // The official code hides trunc(64 · 0.8) = 51 patches, where MaskAlign's would keep trunc(64 · 0.2) = 12.
    ['umt', { masking: { strategy: 'attentive', ratio: 0.8 }, derived: { keepCount: 13 }, reconstruction: { return_layer: 6, target_norm: 'l2', loss: 'cosine' } }],
  ] as const)('%s', (method, expected) => {
    expect(resolvedOf(`method: ${method}`, teacherFor(method))).toMatchObject(expected);
  });

  test('what is written stays', () => {
    const resolved = resolvedOf('method: mae', 'teacher: absent', 'masking: { ratio: 0.5 }', 'decoder: { depth: 1 }', 'reconstruction: { norm_pix: false }', 'optimizer: { blr: 1 }');
    expect(resolved).toMatchObject({ masking: { strategy: 'random', ratio: 0.5 }, decoder: { depth: 1, width: 192 }, reconstruction: { norm_pix: false, loss: 'l2' }, optimizer: { blr: 1 }, derived: { keepCount: 32 } });
  });

  test('data2vec and I-JEPA teach themselves unless another teacher is named', () => {
    expect(resolvedOf('method: data2vec', 'teacher: absent')).toMatchObject({ teacher: { ema: { momentum: 0.9998, momentum_end: 0.9998 } } });
    expect(resolvedOf('method: data2vec', 'teacher: { ema: { momentum: 0.99 } }')).toMatchObject({ teacher: { ema: { momentum: 0.99, momentum_end: 0.9998 } } });
    expect(resolvedOf('method: data2vec', teacherFor('data2vec')).teacher).not.toHaveProperty('ema');
    expect(resolvedOf('method: ijepa', 'teacher: absent')).toMatchObject({ teacher: { ema: { momentum: 0.996, momentum_end: 1, schedule: 'linear' } } });
    expect(resolvedOf('teacher: { ema: {} }')).toMatchObject({ teacher: { ema: { momentum: 0.996, momentum_end: 1 } } });
  });

  test('large students get the official decoder and the drop-path of the method', () => {
    const base = ['data: { kind: shapes, image_size: 224 }', 'student: vit_base_patch16'];
    expect(resolvedOf('method: mae', 'teacher: absent', ...base)).toMatchObject({ decoder: { depth: 8, width: 512, heads: 16 }, student: { dropPath: 0 } });
    expect(resolvedOf('method: crossmae', 'teacher: absent', ...base)).toMatchObject({ decoder: { depth: 12, width: 512, heads: 16, kept_mask_ratio: 0.25 } });
    expect(resolvedOf('method: feature_distillation', ...base)).toMatchObject({ student: { dropPath: 0.2 } });
    expect(resolvedOf(...base)).toMatchObject({ student: { dropPath: 0.1 } });
  });

  test('sections of other methods are not there', () => {
    expect(resolvedOf()).not.toHaveProperty('decoder');
    expect(resolvedOf()).not.toHaveProperty('reconstruction');
    expect(resolvedOf('method: simmim', 'teacher: absent')).not.toHaveProperty('decoder');
  });

  test.each(METHODS)('a frozen %s experiment is read back exactly, and can be run again', (method) => {
    const resolved = resolvedOf(`method: ${method}`, teacherFor(method));
    const text = freezeResolved(resolved);
    expect(parseResolved(text)).toEqual(resolved);
    expect(checkText(text, '/elsewhere/config.yaml')).toMatchObject({ problems: [], resolved });
  });
});

describe('SimMIM counts squares', () => {
  test('120 of 196 patches are hidden at 0.6, as 30 of 49 squares', () => {
    expect(resolvedOf('method: simmim', 'teacher: absent', 'data: { kind: shapes, image_size: 224 }', 'student: vit_base_patch16').derived.keepCount).toBe(76);
  });
});

describe('what does not go together is told', () => {
  test.each([
    ['a teacher of no use', ['method: mae'], ['error MIM1112 teacher']],
    ['a missing teacher', ['method: milan', 'teacher: absent'], ['error MIM1112 teacher']],
    ['attention without a teacher', ['method: mae', 'teacher: absent', 'masking: { strategy: attentive }'], ['error MIM1112 teacher']],
    ['attention where no teacher can be', ['method: simmim', 'teacher: absent', 'masking: { strategy: attentive }'], ['error MIM1121 masking.strategy']],
    ['patches thrown away where none can be', ['masking: { throw_ratio: 0.1 }'], ['error MIM1121 masking.throw_ratio']],
    ['patches thrown away in no order', ['method: mae', 'teacher: absent', 'masking: { strategy: block, throw_ratio: 0.1 }'], ['error MIM1121 masking.throw_ratio']],
    ['all thrown away that is hidden', ['method: mae', 'teacher: absent', 'masking: { ratio: 0.01, throw_ratio: 0.5 }'], ['error MIM1107 masking.ratio']],
    ['none left by throwing', ['method: mae', 'teacher: absent', 'masking: { ratio: 0.7, throw_ratio: 0.3 }'], ['error MIM1107 masking.ratio']],
    ['squares that do not divide the grid', ['method: simmim', 'teacher: absent', 'masking: { unit: 3 }'], ['error MIM1121 masking.unit']],
    ['a GPU for an engine of the processor', ['engine: { kind: compiled-cpu, device: 1 }'], ['warning MIM1116 engine.device']],
    ['a unit without squares', ['masking: { strategy: block, unit: 2 }'], ['warning MIM1116 masking.unit']],
    ['nothing hidden', ['method: mae', 'teacher: absent', 'masking: { ratio: 0 }'], ['error MIM1107 masking.ratio']],
    ['nothing visible', ['method: simmim', 'teacher: absent', 'masking: { ratio: 0.99 }'], ['error MIM1107 masking.ratio']],
    ['nothing hidden at the end', ['method: mae', 'teacher: absent', 'masking: { ratio_end: 0 }'], ['error MIM1107 masking.ratio_end']],
    ['nothing visible at the end', ['masking: { ratio_end: 0.99 }'], ['error MIM1107 masking.ratio_end']],
    ['stages of a ratio that stays', ['masking: { ratio_stages: 3 }'], ['warning MIM1116 masking.ratio_stages']],
    ['another end where a grid is kept', ['method: simmim', 'teacher: absent', 'masking: { strategy: grid, ratio_end: 0.5 }'], ['warning MIM1116 masking.ratio_end']],
    ['more predicted than are hidden at the end', ['method: crossmae', 'teacher: absent', 'masking: { ratio_end: 0.2 }'], ['error MIM1107 decoder.kept_mask_ratio']],
    ['pairs of levels where there are none', ['method: milan', 'reconstruction: { return_layer: 2 }'], ['warning MIM1116 reconstruction.return_layer']],
    ['more predicted than hidden', ['method: crossmae', 'teacher: absent', 'decoder: { kept_mask_ratio: 0.8 }'], ['error MIM1107 decoder.kept_mask_ratio']],
    ['none predicted', ['method: crossmae', 'teacher: absent', 'decoder: { kept_mask_ratio: 0 }'], ['error MIM1107 decoder.kept_mask_ratio']],
    ['a share of the hidden patches where all are predicted', ['method: mae', 'teacher: absent', 'decoder: { kept_mask_ratio: 0.5 }'], ['warning MIM1116 decoder.kept_mask_ratio']],
    ['cells that do not divide patches', ['method: maskfeat', 'teacher: absent', 'reconstruction: { hog_cell: 3 }'], ['error MIM1121 reconstruction.hog_cell']],
    ['normalised pixels of gradients', ['method: maskfeat', 'teacher: absent', 'reconstruction: { norm_pix: true }'], ['warning MIM1116 reconstruction.norm_pix']],
    ['an average in int8', ['teacher: { ema: {}, dtype: int8 }'], ['error MIM1112 teacher.dtype']],
    ['int8 where it is not computed', ['teacher: { checkpoint: x, dtype: int8 }', 'engine: tfjs-wasm'], ['error MIM1112 teacher.dtype']],
    ['int8 on a GPU', ['teacher: { checkpoint: x, dtype: int8 }', 'engine: compiled-webgpu'], ['error MIM1112 teacher.dtype']],
    ['half precision where it is not computed', ['engine: { kind: compiled-cpu, precision: float16 }'], ['error MIM1122 engine.precision']],
    ['half precision and int8', ['teacher: { checkpoint: x, dtype: int8 }', 'engine: { precision: float16 }'], ['error MIM1122 engine.precision']],
    ['a projection of the student’s average', ['method: milan', 'teacher: { ema: {} }', 'reconstruction: { project: true }'], ['error MIM1112 reconstruction.project']],
    ['a projection of pixels', ['method: mae', 'teacher: absent', 'reconstruction: { project: true }'], ['warning MIM1116 reconstruction.project']],
    ['an average of last features', ['method: milan', 'reconstruction: { average_top_k: 2 }'], ['warning MIM1116 reconstruction.average_top_k']],
    ['no blocks for I-JEPA', ['method: ijepa', 'masking: { strategy: block }'], ['error MIM1121 masking.strategy']],
    ['blocks where no targets are', ['method: mae', 'teacher: absent', 'masking: { num_pred_masks: 2 }'], ['warning MIM1116 masking.num_pred_masks']],
    ['a context that targets may not leave', ['method: ijepa', 'masking: { ratio: 0.1 }'], ['error MIM1107 masking.ratio']],
    ['codes of a teacher that moves', ['method: beit', 'teacher: { ema: {} }'], ['error MIM1112 teacher.ema']],
    ['a distance of classes', ['method: beit', 'reconstruction: { loss: l2 }'], ['error MIM1121 reconstruction.loss']],
    ['classes that are none', ['method: milan', 'reconstruction: { loss: cross_entropy }'], ['error MIM1121 reconstruction.loss']],
    ['a codebook that is none', ['method: milan', 'codebook: { size: 64 }'], ['warning MIM1116 codebook']],
    ['heads that do not divide', ['method: mae', 'teacher: absent', 'decoder: { width: 64, heads: 5 }'], ['error MIM1104 decoder.heads']],
    ['a cosine of pixels', ['method: simmim', 'teacher: absent', 'reconstruction: { loss: cosine }'], ['error MIM1121 reconstruction.loss']],
    ['normalised pixels of features', ['method: milan', 'reconstruction: { norm_pix: true }'], ['warning MIM1116 reconstruction.norm_pix']],
    ['a decoder that is none', ['decoder: { depth: 2 }'], ['warning MIM1116 decoder']],
    ['alignment that is none', ['method: milan', 'alignment: { levels: top2 }'], ['warning MIM1116 alignment']],
    ['masks that are none', ['method: feature_distillation', 'masking: { ratio: 0.5 }'], ['warning MIM1116 masking']],
  ])('%s', (_what, lines, expected) => {
    expect(problemsOf(...lines)).toEqual(expected);
  });
});

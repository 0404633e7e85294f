import { homedir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { checkTeacherFit } from '../../../extension/core/config/alignment-fit';
import { checkText } from '../../../extension/core/config/load';
import { parseExperiment } from '../../../extension/core/config/parse';
import { resolveExperiment, withTeacherDepth } from '../../../extension/core/config/resolve';
import { suggestVitPreset, vitPreset } from '../../../extension/core/config/vit-presets';
import { experimentText, resolvedOf } from './experiment-of';

describe('derived values', () => {
  // trunc(L·(1−ratio)) in double precision, as the official code computes it.
  test.each([
    [32, 4, [[0.5, 32], [0.6, 25], [0.7, 19], [0.75, 16], [0.9, 6]]],
    [224, 16, [[0.5, 98], [0.6, 78], [0.7, 58], [0.75, 49], [0.8, 39], [0.9, 19]]],
    [40, 4, [[0.9, 9]]],
  ])('keep counts at %i px, patch %i', (imageSize, patch, counts) => {
    for (const [ratio, keep] of counts) {
      const { derived } = resolvedOf(`data: { kind: shapes, image_size: ${imageSize} }`, `student: vit_tiny_patch${patch}`, `masking: { ratio: ${ratio} }`);
      expect(derived.keepCount).toBe(keep);
    }
  });

  test('lr = blr · batch / 256, unless lr is given', () => {
    expect(resolvedOf().derived.learningRate).toBe(6e-4);
    expect(resolvedOf('optimizer: { batch_size: 64, blr: 1e-3 }').derived.learningRate).toBe(2.5e-4);
    expect(resolvedOf('optimizer: { lr: 3e-4 }').derived.learningRate).toBe(3e-4);
  });

  test('levels: auto is the top 5 of 12, scaled to the teacher’s depth', () => {
    const levelsAt = (depth: number) => withTeacherDepth(resolvedOf('alignment: { fusion: sum }'), depth).derived.levels;
    expect([1, 6, 8, 12, 24].map(levelsAt)).toEqual(['top1', 'top3', 'top3', 'top5', 'top10']);
    expect(resolvedOf('student: vit_nano_patch4').derived.levels, 'until the teacher is known, that of the student').toBe('top3');
    expect(withTeacherDepth(resolvedOf('alignment: { levels: mean }'), 24).derived.levels).toBe('mean');
  });

  test('a batch is split into equal passes', () => {
    expect(resolvedOf('optimizer: { batch_size: 96, accumulate: 3 }').derived.microBatch).toBe(32);
  });

  test('warm-up is a tenth of the epochs, as 20 of 200 officially', () => {
    expect(resolvedOf().schedule.warmup_epochs).toBe(20);
    expect(resolvedOf('schedule: { epochs: 30 }').schedule.warmup_epochs).toBe(3);
    expect(resolvedOf('schedule: { epochs: 30, warmup_epochs: 0 }').schedule.warmup_epochs).toBe(0);
  });

  test('supervised training sees every patch', () => {
    expect(resolvedOf('method: supervised', 'teacher: absent').derived.keepCount).toBe(64);
  });
});

describe('names', () => {
  test('paths are relative to the experiment’s folder', () => {
    const resolved = resolvedOf('data: { kind: folder, path: ./images, test_path: /held-out, image_size: 32 }', 'teacher: { checkpoint: ../teachers/a.safetensors }', 'runs: ~/runs');
    expect([resolved.data.path, resolved.data.test_path, resolved.teacher?.checkpoint, resolved.runs]).toEqual(['/lab/images', '/held-out', '/teachers/a.safetensors', `${homedir()}/runs`]);
  });

  test.each([
    ['/lab/my first.mim.yaml', 'my-first'],
    ['/lab/ablation.yaml', 'ablation'],
    ['/lab/.mim.yaml', 'experiment'],
  ])('a run of %s is called %s', (file, name) => {
    expect(checkText(experimentText(), file).resolved?.name).toBe(name);
  });

  test('dimensions beside a preset override its own', () => {
    const { student } = resolvedOf('student: { preset: vit_base_patch16, patch_size: 4, depth: 6 }');
    expect(student).toEqual({ imageSize: 32, patchSize: 4, width: 768, depth: 6, heads: 12, mlpRatio: 4, dropPath: 0.1 });
  });

  test('presets exist for any patch size', () => {
    expect(vitPreset('vit_tiny_patch2')).toEqual({ patchSize: 2, width: 192, depth: 12, heads: 3, mlpRatio: 4, dropPath: 0 });
    expect(['vit_tiny', 'vit_tiny_patch0', 'vit_tiny_patch', 'vit_constructor_patch4', 'VIT_tiny_patch4'].map(vitPreset)).toEqual([undefined, undefined, undefined, undefined, undefined]);
  });

  test.each([
    ['mae_vit_base_patch16', 'vit_base_patch16'],
    ['vit_base_patch16_224', 'vit_base_patch16'],
    ['ViT-L/16', undefined],
    ['vit_lareg_patch14', 'vit_large_patch14'],
    ['vit_tiny', 'vit_tiny_patch16'],
    ['resnet50', undefined],
  ])('for the model %s, %s is suggested', (name, suggestion) => {
    expect(suggestVitPreset(name)).toBe(suggestion);
  });

  test('an engine’s name is short for its settings', () => {
    expect(resolvedOf('engine: tfjs-cpu').engine).toEqual({ kind: 'tfjs-cpu', threads: 0, steps_per_run: 4 });
    expect(resolvedOf('teacher: { checkpoint: x }', 'engine: { precision: float16 }').engine).toMatchObject({ kind: 'auto', precision: 'float16' });
  });
});

describe('the teacher’s shape', () => {
  const resolve = (teacherDepth: number, ...lines: string[]) => {
    const { experiment, locate } = parseExperiment(experimentText(...lines), 'my.mim.yaml');
    return resolveExperiment(experiment!, 'my.mim.yaml', { teacherDepth, locate });
  };

  test('fusion: linear and simple need equal depths, sum does not', () => {
    expect(resolve(12).problems).toEqual([]);
    expect(resolve(24, 'alignment: { fusion: sum }').problems).toEqual([]);
    for (const fusion of ['linear', 'simple']) {
      const { problems } = resolve(24, `alignment: { fusion: ${fusion} }`);
      expect(problems).toMatchObject([{ code: 'MIM1109', key: 'alignment.fusion', replacement: 'sum', range: { start: { line: 6, column: 22 } } }]);
      expect(problems[0]?.message).toBe(`\`fusion: ${fusion}\` pairs levels one to one, but the student has 12 blocks and the teacher 24.`);
    }
  });

  test('a conflict with a default points to what is written', () => {
    expect(resolve(24).problems).toMatchObject([{ code: 'MIM1109', key: 'alignment.fusion', range: { start: { line: 4 } } }]);
    expect(resolve(24).problems[0]).not.toHaveProperty('replacement');
  });

  test('levels must be those of the teacher', () => {
    expect(resolve(12, 'alignment: { levels: top12 }').problems).toEqual([]);
    expect(resolve(12, 'alignment: { levels: mid11 }').problems).toEqual([]);
    expect(resolve(6, 'alignment: { levels: top7, fusion: sum }').problems).toMatchObject([{ code: 'MIM1108', replacement: 'top6' }]);
  });

  test('checkTeacherFit finds the same once the teacher is read, and tells of a resized position table', () => {
    const resolved = resolvedOf();
    const teacher = { imageSize: 224, ...vitPreset('vit_large_patch14')! };
    expect(checkTeacherFit(resolved, teacher).map(({ code, severity }) => [code, severity])).toEqual([
      ['MIM1109', 'error'],
      ['MIM1301', 'warning'],
    ]);
    expect(checkTeacherFit(resolved, { ...resolved.student })).toEqual([]);
  });
});

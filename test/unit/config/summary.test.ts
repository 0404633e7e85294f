import { describe, expect, test } from 'vitest';
import { resolvedSummary, stepCounts } from '../../../extension/core/config/summary';
import { vitPreset } from '../../../extension/core/config/vit-presets';
import { resolvedOf } from './experiment-of';

describe('the summary before training', () => {
  test('tells the official recipe’s derived values', () => {
    const resolved = resolvedOf('data: { kind: shapes, image_size: 224 }', 'student: vit_base_patch16', 'optimizer: { accumulate: 8 }');
    expect(resolvedSummary(resolved, { imageCount: 1_281_167, teacher: { imageSize: 224, ...vitPreset('vit_base_patch16')! } }).join('\n')).toMatchInlineSnapshot(`
      "method         maskalign
      student        ViT, width 768, 12 blocks, 12 heads, patch 16 at 224 px, drop-path 0.1
      teacher        /lab/teacher.safetensors: ViT, width 768, 12 blocks, 12 heads, patch 16 at 224 px, drop-path 0.1
      masking        attentive, ratio 0.7: keeps 58 of 196 patches
      alignment      levels top5, fusion linear, adaptor linear, targets whiten, loss smooth_l1, mix-then-adapt
      batch          1024 images a step = 8 × 128
      learning rate  0.0006 = blr 0.00015 · 1024 / 256; warm-up 20 epochs, half-cosine to 0.00001
      schedule       200 epochs of 1251 steps (1281167 images): 250200 steps
      cost           34.4 GMAC an image and step (student 5.19, adaptors 0.424, teacher 17.6 forward)"
    `);
  });

  test('tells of half precision', () => {
    expect(resolvedSummary(resolvedOf('engine: { precision: float16 }')).find((line) => line.startsWith('precision'))).toBe('precision      products of float16, the loss scaled');
    expect(resolvedSummary(resolvedOf()).join('\n')).not.toContain('precision');
  });

  test('says what it does not know', () => {
    expect(resolvedSummary(resolvedOf()).join('\n')).toMatchInlineSnapshot(`
      "method         maskalign
      student        ViT, width 192, 12 blocks, 3 heads, patch 4 at 32 px
      teacher        /lab/teacher.safetensors
      masking        attentive, ratio 0.7: keeps 19 of 64 patches
      alignment      levels top5, fusion linear, adaptor linear, targets whiten, loss smooth_l1, mix-then-adapt
      batch          1024 images a step
      learning rate  0.0006 = blr 0.00015 · 1024 / 256; warm-up 20 epochs, half-cosine to 0.00001
      schedule       200 epochs
      cost           0.719 GMAC an image and step (student 0.109, adaptors 0.0094, teacher 0.365 forward), the teacher taken to be as large as the student"
    `);
  });

  test('tells of a self-teacher and of supervised training', () => {
    expect(resolvedSummary(resolvedOf('teacher: { ema: {} }'))[2]).toBe('teacher        moving average of the student, momentum 0.996 to 1');
    expect(resolvedSummary(resolvedOf('method: supervised', 'teacher: absent'), { imageCount: 50_000 }).join('\n')).toMatchInlineSnapshot(`
      "method         supervised
      student        ViT, width 192, 12 blocks, 3 heads, patch 4 at 32 px
      batch          1024 images a step
      learning rate  0.0006 = blr 0.00015 · 1024 / 256; warm-up 20 epochs, half-cosine to 0.00001
      schedule       200 epochs of 48 steps (50000 images): 9600 steps
      cost           1.1 GMAC an image and step"
    `);
  });
});

describe('steps', () => {
  test('are whole batches', () => {
    const resolved = resolvedOf('optimizer: { batch_size: 64 }', 'schedule: { epochs: 2.5, warmup_epochs: 0 }');
    expect(stepCounts(resolved, 1000)).toEqual({ perEpoch: 15, scheduled: 38, total: 38 });
  });

  test('end at max_steps', () => {
    expect(stepCounts(resolvedOf('schedule: { epochs: 100, max_steps: 10 }'), 2048).total).toBe(10);
  });
});

/** What is said about every kind of mistake that no single key makes, and where: golden text. */
import { describe, expect, test } from 'vitest';
import { report } from './experiment-of';

describe('mistakes in what belongs together', () => {
  test('a model’s name is mistyped', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'teacher: { ema: {} }', 'student: vit_tinny_patch4')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:10: error MIM1101: Unknown model \`vit_tinny_patch4\`.
        5 | student: vit_tinny_patch4
          |          ^^^^^^^^^^^^^^^^
        hint: Did you mean \`vit_tiny_patch4\`? Models are vit_SIZE_patchP: SIZE one of nano, micro, tiny, small, base, large, P any patch size in pixels; the image size stands in data.image_size."
    `);
  });

  test('a model’s name is that of timm', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'teacher: { ema: {} }', 'student: vit_small_patch16_224')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:10: error MIM1101: Unknown model \`vit_small_patch16_224\`.
        5 | student: vit_small_patch16_224
          |          ^^^^^^^^^^^^^^^^^^^^^
        hint: Did you mean \`vit_small_patch16\`? Models are vit_SIZE_patchP: SIZE one of nano, micro, tiny, small, base, large, P any patch size in pixels; the image size stands in data.image_size."
    `);
  });

  test('dimensions are missing', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'teacher: { ema: {} }', 'student: { width: 96, depth: 6 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:10: error MIM1102: The student lacks \`patch_size\`, \`heads\`.
        5 | student: { width: 96, depth: 6 }
          |          ^^^^^^^^^^^^^^^^^^^^^^^
        hint: Give patch_size, width, depth and heads, or start from a named size with \`preset: vit_tiny_patch4\`."
    `);
  });

  test('patches do not divide the image', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 30 }', 'teacher: { ema: {} }', 'student: vit_tiny_patch4')).toMatchInlineSnapshot(`
      "my.mim.yaml:3:35: error MIM1103: Patches of 4 pixels do not divide images of 30.
        3 | data: { kind: shapes, image_size: 30 }
          |                                   ^^
        hint: Use data.image_size: 32, or a patch size that divides 30: 1, 2, 3, 5, 6, 10, 15, 30."
    `);
  });

  test('heads do not divide the width', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'teacher: { ema: {} }', 'student: { patch_size: 4, width: 96, depth: 6, heads: 5 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:55: error MIM1104: 5 heads do not divide the width 96.
        5 | student: { patch_size: 4, width: 96, depth: 6, heads: 5 }
          |                                                       ^
        hint: Use a number of heads among 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48; 64 channels a head are usual."
    `);
  });

  test('the width does not hold the positions', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'teacher: { ema: {} }', 'student: { patch_size: 4, width: 90, depth: 6, heads: 3 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:34: error MIM1105: The width 90 is not a multiple of 4.
        5 | student: { patch_size: 4, width: 90, depth: 6, heads: 3 }
          |                                  ^^
        hint: Sine and cosine of two coordinates fill a quarter of the width each; use 92."
    `);
  });

  test('the MLP is not of whole width', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'teacher: { ema: {} }', 'student: { preset: vit_tiny_patch4, mlp_ratio: 2.7 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:48: error MIM1106: An mlp_ratio of 2.7 makes the MLP 518.4 wide.
        5 | student: { preset: vit_tiny_patch4, mlp_ratio: 2.7 }
          |                                                ^^^
        hint: width · mlp_ratio must be a whole number; 3 is."
    `);
  });

  test('no patch stays visible', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'teacher: { ema: {} }', 'student: vit_tiny_patch4', 'masking: { ratio: 0.99 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:19: error MIM1107: A masking ratio of 0.99 leaves none of the 64 patches visible.
        6 | masking: { ratio: 0.99 }
          |                   ^^^^
        hint: At least one must stay: a ratio of at most 0.98, or smaller patches."
    `);
  });

  test('more levels are weighted than there are', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'teacher: { ema: {} }', 'student: vit_tiny_patch4', 'alignment: { levels: top13 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:22: error MIM1108: \`levels: top13\` reaches beyond the teacher’s 12 levels.
        6 | alignment: { levels: top13 }
          |                      ^^^^^
        hint: Use at most top12; \`auto\` chooses."
    `);
  });

  test('a middle level is beyond the last', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'teacher: { ema: {} }', 'student: vit_tiny_patch4', 'alignment: { levels: mid12 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:22: error MIM1108: \`levels: mid12\` reaches beyond the teacher’s 12 levels.
        6 | alignment: { levels: mid12 }
          |                      ^^^^^
        hint: Levels are counted from mid0 to mid11."
    `);
  });

  test('there is no teacher', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4')).toMatchInlineSnapshot(`
      "my.mim.yaml:2:9: error MIM1112: MaskAlign needs a teacher to align with (its attention also draws attentive masks).
        2 | method: maskalign
          |         ^^^^^^^^^
        hint: Add \`teacher: { checkpoint: … }\`; a small one can be trained with \`mim teacher\`. Without one, \`teacher: { ema: {} }\` averages the student itself."
    `);
  });

  test('a teacher section names none', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { format: timm }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:10: error MIM1112: MaskAlign needs a teacher to align with (its attention also draws attentive masks).
        5 | teacher: { format: timm }
          |          ^^^^^^^^^^^^^^^^
        hint: Add \`teacher: { checkpoint: … }\`; a small one can be trained with \`mim teacher\`. Without one, \`teacher: { ema: {} }\` averages the student itself."
    `);
  });

  test('there are two teachers', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { checkpoint: a.safetensors, ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:44: error MIM1112: Two teachers are given: \`teacher.checkpoint\` and \`teacher.ema\`.
        5 | teacher: { checkpoint: a.safetensors, ema: {} }
          |                                            ^^
        hint: Keep one of them."
    `);
  });

  test('supervised training has a teacher', () => {
    expect(report('mim: 1', 'method: supervised', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:10: error MIM1112: \`method: supervised\` learns from labels and takes no teacher.
        5 | teacher: { ema: {} }
          |          ^^^^^^^^^^^
        hint: Remove the section \`teacher\`, or use \`method: maskalign\`."
    `);
  });

  test('there are no images', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:3:1: error MIM1117: \`data.path\` is missing: where are the images?
        3 | data: { image_size: 32 }
          | ^^^^
        hint: Give a folder with one folder a class, a tar, or another of the kinds; \`kind: shapes\` makes its own images."
    `);
  });

  test('a crop’s range is reversed', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32, crop_scale: [1, 0.2] }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:3:51: error MIM1114: \`data.crop_scale\` runs from 1 down to 0.2.
        3 | data: { kind: shapes, image_size: 32, crop_scale: [1, 0.2] }
          |                                                   ^^^^^^^^
        hint: The smaller end comes first: [0.2, 1]."
    `);
  });

  test('the batch cannot be split', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }', 'optimizer: { batch_size: 100, accumulate: 3 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:43: error MIM1111: A batch of 100 cannot be split into 3 equal passes.
        6 | optimizer: { batch_size: 100, accumulate: 3 }
          |                                           ^
        hint: \`accumulate\` must divide \`batch_size\`: 2, 4, 5, 10, 20, 25, 50."
    `);
  });

  test('the learning rate is below its end', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }', 'optimizer: { batch_size: 8 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:26: error MIM1115: The learning rate 0.000004687 (blr 0.00015 · batch 8 / 256) is below \`schedule.min_lr\`, 0.00001.
        6 | optimizer: { batch_size: 8 }
          |                          ^
        hint: The rate falls from the one to the other: lower \`schedule.min_lr\`, or raise \`optimizer.blr\`."
    `);
  });

  test('the warm-up is longer than the training', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }', 'schedule: { epochs: 10, warmup_epochs: 20 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:40: error MIM1110: A warm-up of 20 epochs leaves nothing of 10.
        6 | schedule: { epochs: 10, warmup_epochs: 20 }
          |                                        ^^
        hint: Use fewer warm-up epochs than epochs; a tenth, 1, is the default."
    `);
  });

  test('an evaluation has no time', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }', 'evaluate:', '  - protocol: knn')).toMatchInlineSnapshot(`
      "my.mim.yaml:7:5: error MIM1113: This knn evaluation says neither when nor how often.
        7 |   - protocol: knn
          |     ^^^^^^^^^^^^^
        hint: Add \`every: 10\` (epochs), \`at: end\`, or both."
    `);
  });

  test('a key has no effect (a warning)', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32, path: ./images }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }', 'evaluate: [{ protocol: linear, at: end, k: 10 }]')).toMatchInlineSnapshot(`
      "my.mim.yaml:3:45: warning MIM1116: \`data.path\` has no effect: \`kind: shapes\` makes its own images.
        3 | data: { kind: shapes, image_size: 32, path: ./images }
          |                                             ^^^^^^^^
        hint: Remove it.

      my.mim.yaml:6:44: warning MIM1116: \`evaluate.0.k\` has no effect: the linear protocol does not use it.
        6 | evaluate: [{ protocol: linear, at: end, k: 10 }]
          |                                            ^^
        hint: Remove it."
    `);
  });

  test('a key of fine-tuning stands at a probe, and one of a probe at fine-tuning', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }', 'evaluate:', '  - { protocol: linear, at: end, layer_decay: 0.5 }', '  - { protocol: finetune, at: end, epochs: 5, layer_decay: 0.5, layers: [3] }')).toMatchInlineSnapshot(`
      "my.mim.yaml:7:47: warning MIM1116: \`evaluate.0.layer_decay\` has no effect: the linear protocol does not use it.
        7 |   - { protocol: linear, at: end, layer_decay: 0.5 }
          |                                               ^^^
        hint: Remove it.

      my.mim.yaml:8:73: warning MIM1116: \`evaluate.1.layers\` has no effect: the finetune protocol does not use it.
        8 |   - { protocol: finetune, at: end, epochs: 5, layer_decay: 0.5, layers: [3] }
          |                                                                         ^^^
        hint: Remove it."
    `);
  });

  test('an evaluation asks for a layer that there is not', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }', 'evaluate: [{ protocol: knn, at: end, layers: [6, 13] }]')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:46: error MIM1130: There is no layer 13: the student has 12 blocks.
        6 | evaluate: [{ protocol: knn, at: end, layers: [6, 13] }]
          |                                              ^^^^^^^
        hint: Layers are counted from 1 to 12; \`all\` is every one."
    `);
  });

  test('an evaluation takes a share of the labels where every image is seen afresh', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }', 'evaluate: [{ protocol: linear, at: end, preset: mae, label_fraction: 0.01 }, { protocol: linear, at: end, draws: 3 }]')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:49: error MIM1131: \`label_fraction\` goes with \`preset: small\`, not with \`mae\`, which sees every training image afresh.
        6 | evaluate: [{ protocol: linear, at: end, preset: mae, label_fraction: 0.01 }, { protocol: linear, at: end, draws: 3 }]
          |                                                 ^^^
        hint: Leave \`preset\` out.

      my.mim.yaml:6:114: warning MIM1116: \`evaluate.1.draws\` has no effect: without \`label_fraction\` every label is used.
        6 | evaluate: [{ protocol: linear, at: end, preset: mae, label_fraction: 0.01 }, { protocol: linear, at: end, draws: 3 }]
          |                                                                                                                  ^
        hint: Remove it."
    `);
  });

  test('an evaluation at the end is there twice (a warning)', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }', 'evaluate:', '  - { protocol: knn, every: 5, at: end }', '  - { protocol: knn, at: end, k: 20 }', '  - { protocol: knn, at: end, k: 5 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:8:5: warning MIM1118: This knn evaluation at the end is the same as entry 1 of the list.
        8 |   - { protocol: knn, at: end, k: 20 }
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        hint: Remove one, or vary what it measures."
    `);
  });

  test('a self-taught student has one average (a warning)', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32 }', 'student: vit_tiny_patch4', 'teacher: { ema: {} }', 'optimizer: { ema: 0.99 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:19: warning MIM1116: \`optimizer.ema\` has no effect: the teacher is the average of the student already, with \`teacher.ema\` as its momentum.
        6 | optimizer: { ema: 0.99 }
          |                   ^^^^
        hint: Remove it."
    `);
  });
});

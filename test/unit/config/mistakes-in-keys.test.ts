/** What is said about every kind of mistake in YAML, keys and values, and where: golden text. */
import { describe, expect, test } from 'vitest';
import { report } from './experiment-of';

describe('mistakes in the YAML', () => {
  test('a key is given twice', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'method: supervised', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:4:1: error MIM1008: \`method\` is given twice.
        4 | method: supervised
          | ^^^^^^
        hint: It is already on line 2; remove one of them."
    `);
  });

  test('a tab indents', () => {
    expect(report('mim: 1', 'method: maskalign', 'data:', '\tkind: shapes')).toMatchInlineSnapshot(`
      "my.mim.yaml:4:1: error MIM1001: A tab indents this line.
        4 |     kind: shapes
          | ^
        hint: YAML wants spaces: replace the tab."
    `);
  });

  test('a bracket is not closed', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:4:1: error MIM1001: Flow map in block collection must be sufficiently indented and end with a }.
        4 | teacher: { ema: {} }
          | ^
        hint: Keys of one section start in the same column; brackets are closed."
    `);
  });

  test('a quote is not closed', () => {
    expect(report('mim: 1', 'method: "maskalign')).toMatchInlineSnapshot(`
      "my.mim.yaml:2:19: error MIM1001: Missing closing "quote.
        2 | method: "maskalign
          |                   ^
        hint: A key is followed by \`: \` and its value; brackets and quotes are closed."
    `);
  });

  test('the indentation is uneven', () => {
    expect(report('mim: 1', 'method: maskalign', 'data:', '    kind: shapes', '  size: 100')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:1: error MIM1001: All mapping items must start at the same column.
        5 |   size: 100
          | ^
        hint: Keys of one section start in the same column; brackets are closed."
    `);
  });

  test('a value holds a colon', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'name: ratio: high')).toMatchInlineSnapshot(`
      "my.mim.yaml:4:7: error MIM1001: A key and its value do not fit together here.
        4 | name: ratio: high
          |       ^
        hint: Check the indentation and the \`:\` of this line and the one above; quote a value that holds \`: \`."
    `);
  });

  test('a second document begins', () => {
    expect(report('mim: 1', 'method: maskalign', '---', 'mim: 1')).toMatchInlineSnapshot(`
      "my.mim.yaml:3:1: error MIM1001: A second document begins here (\`---\`).
        3 | ---
          | ^^^
        hint: A file holds one experiment; put the other in its own file."
    `);
  });

  test('a tag is used', () => {
    expect(report('mim: 1', 'method: !!js/function maskalign')).toMatchInlineSnapshot(`
      "my.mim.yaml:2:9: error MIM1001: Unresolved tag: tag:yaml.org,2002:js/function.
        2 | method: !!js/function maskalign
          |         ^^^^^^^^^^^^^
        hint: Tags (\`!name\`) are not used in experiments: write the plain value."
    `);
  });

  test('an alias has no anchor', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: *images', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:3:7: error MIM1001: The alias *images refers to no anchor before it.
        3 | data: *images
          |       ^^^^^^^
        hint: Mark a value above with &images."
    `);
  });

  test('an alias contains itself', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'evaluate: &loop [*loop]')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:17: error MIM1009: Nested more than 32 levels deep.
        5 | evaluate: &loop [*loop]
          |                 ^^^^^^^
        hint: An alias may contain itself."
    `);
  });

  test('a key is not a word', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', '[a, b]: 1')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:1: error MIM1010: A key must be a plain word.
        5 | [a, b]: 1
          | ^^^^^^"
    `);
  });
});

describe('mistakes in keys and values', () => {
  test('the marker is missing', () => {
    expect(report('method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:1:1: error MIM1002: The marker \`mim: 1\` is missing.
        1 | method: maskalign
          | ^
        hint: Begin the file with \`mim: 1\`: it marks an experiment and the version of its format."
    `);
  });

  test('the format is of another version', () => {
    expect(report('mim: 2', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:1:6: error MIM1002: \`mim\` must be 1, but is 2.
        1 | mim: 2
          |      ^
        hint: This version of the product reads format 1."
    `);
  });

  test('the file is empty', () => {
    expect(report()).toMatchInlineSnapshot(`
      "my.mim.yaml: error MIM1002: This is not an experiment: it has no keys.
        hint: An experiment begins with \`mim: 1\`, followed by keys such as \`method: maskalign\` and \`data:\`."
    `);
  });

  test('the file is a list', () => {
    expect(report('- mim: 1')).toMatchInlineSnapshot(`
      "my.mim.yaml: error MIM1002: This is not an experiment: it has no keys.
        hint: An experiment begins with \`mim: 1\`, followed by keys such as \`method: maskalign\` and \`data:\`."
    `);
  });

  test('a required key is missing', () => {
    expect(report('mim: 1', 'data: { kind: shapes }')).toMatchInlineSnapshot(`
      "my.mim.yaml:1:1: error MIM1004: \`method\` is missing.
        1 | mim: 1
          | ^
        hint: It must be one of maskalign, supervised, mae, simmim, feature_distillation, feature_inpainting, milan, crossmae, maskfeat, data2vec, ijepa, beit, cae, umt. \`maskalign\`: masked pretraining by alignment: visible tokens learn a teacher’s features, nothing is reconstructed. \`supervised\`: a classifier trained from scratch, to serve as a teacher. \`mae\`: decoder-style: the encoder sees visible patches, a transformer decoder reconstructs the pixels of the others. \`simmim\`: inpainting-style: mask tokens enter the encoder, a linear head reconstructs pixels. \`feature_distillation\`: no mask: every token learns the teacher’s last features (FD). \`feature_inpainting\`: inpainting-style: mask tokens enter the encoder, a linear head predicts the teacher’s last features (MVP, EVA). \`milan\`: decoder-style: attentive masks, a prompting decoder predicts the teacher’s last features. \`crossmae\`: decoder-style: a decoder without self-attention, whose mask tokens ask the encoder’s blocks, reconstructs the pixels of some hidden patches. \`maskfeat\`: inpainting-style: mask tokens enter the encoder, a linear head predicts histograms of oriented gradients (HOG). \`data2vec\`: inpainting-style: mask tokens enter the encoder, a linear head predicts the mean of the last blocks of the student’s own moving average. \`ijepa\`: decoder-style: the encoder sees a context, a narrow predictor says what its own moving average makes of several target blocks (I-JEPA). \`beit\`: inpainting-style: mask tokens enter the encoder, a linear head classifies hidden patches by a codebook learnt from a teacher’s features. \`cae\`: decoder-style: a regressor makes latents of masked patches, aligned with the encoder’s own, and a decoder predicts the teacher’s last features from them alone. \`umt\`: alignment of the last blocks one to one, without mixing: visible patches learn a teacher’s normed features (UMT, for images)."
    `);
  });

  test('a required key of a list item is missing', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'evaluate:', '  - at: end')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:5: error MIM1004: \`evaluate.0.protocol\` is missing.
        6 |   - at: end
          |     ^^^^^^^
        hint: It must be one of knn, linear, attentive, robustness, finetune. \`knn\` as in DINO; \`linear\` is a linear probe; \`attentive\` pools the patch tokens by learned queries before it (efficient probing); \`robustness\` scores a linear probe on corrupted test images; \`finetune\` trains the encoder itself with labels, end to end."
    `);
  });

  test('a key is mistyped', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'masking:', '  ratoi: 0.5')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:3: error MIM1003: Unknown key \`masking.ratoi\`.
        6 |   ratoi: 0.5
          |   ^^^^^
        hint: Did you mean \`ratio\`?"
    `);
  });

  test('a key stands in the wrong section', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'batch_size: 64')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:1: error MIM1003: Unknown key \`batch_size\`.
        5 | batch_size: 64
          | ^^^^^^^^^^
        hint: It belongs under \`optimizer\`: \`optimizer.batch_size\`."
    `);
  });

  test('a key is unknown', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'masking:', '  colour: red')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:3: error MIM1003: Unknown key \`masking.colour\`.
        6 |   colour: red
          |   ^^^^^^
        hint: Allowed here: strategy, ratio, ratio_end, ratio_stages, throw_ratio, unit, num_pred_masks, pred_mask_scale, enc_mask_scale, aspect_ratio."
    `);
  });

  test('a key is mistyped inside a value with two forms', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'student: { preset: vit_tiny_patch4, dept: 6 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:37: error MIM1003: Unknown key \`student.dept\`.
        5 | student: { preset: vit_tiny_patch4, dept: 6 }
          |                                     ^^^^
        hint: Did you mean \`depth\`?"
    `);
  });

  test('a merge key is used', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'masking:', '  <<: { ratio: 0.5 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:3: error MIM1003: Unknown key \`masking.<<\`.
        6 |   <<: { ratio: 0.5 }
          |   ^^
        hint: Merge keys are not supported: write the keys out."
    `);
  });

  test('a name is mistyped', () => {
    expect(report('mim: 1', 'method: maskaling', 'data: { kind: shapes }', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:2:9: error MIM1007: \`method\` must be one of maskalign, supervised, mae, simmim, feature_distillation, feature_inpainting, milan, crossmae, maskfeat, data2vec, ijepa, beit, cae, umt, but is "maskaling".
        2 | method: maskaling
          |         ^^^^^^^^^
        hint: Did you mean \`maskalign\`? \`maskalign\`: masked pretraining by alignment: visible tokens learn a teacher’s features, nothing is reconstructed. \`supervised\`: a classifier trained from scratch, to serve as a teacher. \`mae\`: decoder-style: the encoder sees visible patches, a transformer decoder reconstructs the pixels of the others. \`simmim\`: inpainting-style: mask tokens enter the encoder, a linear head reconstructs pixels. \`feature_distillation\`: no mask: every token learns the teacher’s last features (FD). \`feature_inpainting\`: inpainting-style: mask tokens enter the encoder, a linear head predicts the teacher’s last features (MVP, EVA). \`milan\`: decoder-style: attentive masks, a prompting decoder predicts the teacher’s last features. \`crossmae\`: decoder-style: a decoder without self-attention, whose mask tokens ask the encoder’s blocks, reconstructs the pixels of some hidden patches. \`maskfeat\`: inpainting-style: mask tokens enter the encoder, a linear head predicts histograms of oriented gradients (HOG). \`data2vec\`: inpainting-style: mask tokens enter the encoder, a linear head predicts the mean of the last blocks of the student’s own moving average. \`ijepa\`: decoder-style: the encoder sees a context, a narrow predictor says what its own moving average makes of several target blocks (I-JEPA). \`beit\`: inpainting-style: mask tokens enter the encoder, a linear head classifies hidden patches by a codebook learnt from a teacher’s features. \`cae\`: decoder-style: a regressor makes latents of masked patches, aligned with the encoder’s own, and a decoder predicts the teacher’s last features from them alone. \`umt\`: alignment of the last blocks one to one, without mixing: visible patches learn a teacher’s normed features (UMT, for images)."
    `);
  });

  test('a name is beyond guessing', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'alignment:', '  loss: kullback-leibler')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:9: error MIM1007: \`alignment.loss\` must be one of l2, l1, smooth_l1, but is "kullback-leibler".
        6 |   loss: kullback-leibler
          |         ^^^^^^^^^^^^^^^^
        hint: Distance between aligned and target features; \`smooth_l1\` is 2·SmoothL1(β=1) as in the official code. Default: \`smooth_l1\`."
    `);
  });

  test('an engine is only half named', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'engine: compiled')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:9: error MIM1007: \`engine\` must be one of auto, native, compiled-cpu, compiled-webgpu, wgsl, tfjs-node-gpu, tfjs-webgpu, tfjs-cpu, tfjs-wasm, or a mapping with keys such as kind, threads, steps_per_run, device, precision, but is "compiled".
        5 | engine: compiled
          |         ^^^^^^^^
        hint: Did you mean \`compiled-cpu\`? An engine’s name or its settings. Default: \`auto\`."
    `);
  });

  test('a number is out of range', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'masking: { ratio: 1.2 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:19: error MIM1006: \`masking.ratio\` must be a number at least 0 and below 1, but is 1.2.
        5 | masking: { ratio: 1.2 }
          |                   ^^^
        hint: Share of patches the student does not see; 0, for \`method: maskalign\`, is feature distillation. Default of other methods: 0.75 (\`mae\`, \`milan\`, \`crossmae\`); 0.6 (\`simmim\`); 0 (\`feature_distillation\`); 0.4 (\`feature_inpainting\`, \`maskfeat\`); 0.61 (\`data2vec\`); 0.38 (\`beit\`, \`cae\`); 0.8 (\`umt\`). Default: \`0.7\`."
    `);
  });

  test('a number is quoted', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'optimizer:', '  blr: "1.5e-4"')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:8: error MIM1005: \`optimizer.blr\` must be a number above 0, but is "1.5e-4".
        6 |   blr: "1.5e-4"
          |        ^^^^^^^^
        hint: Write 1.5e-4, without quotes. Base learning rate; lr = blr · batch_size / 256. Default of other methods: 0.00005 (\`simmim\`); 0.0001875 (\`feature_inpainting\`, \`beit\`, \`cae\`); 0.0002 (\`maskfeat\`); 0.00025 (\`data2vec\`); 0.000125 (\`ijepa\`). Default: \`0.00015\`."
    `);
  });

  test('a number has a decimal comma', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'masking:', '  ratio: 0,7')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:10: error MIM1005: \`masking.ratio\` must be a number at least 0 and below 1, but is "0,7".
        6 |   ratio: 0,7
          |          ^^^
        hint: Write 0.7, without quotes. Share of patches the student does not see; 0, for \`method: maskalign\`, is feature distillation. Default of other methods: 0.75 (\`mae\`, \`milan\`, \`crossmae\`); 0.6 (\`simmim\`); 0 (\`feature_distillation\`); 0.4 (\`feature_inpainting\`, \`maskfeat\`); 0.61 (\`data2vec\`); 0.38 (\`beit\`, \`cae\`); 0.8 (\`umt\`). Default: \`0.7\`."
    `);
  });

  test('a count is not whole', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes, image_size: 32.5 }', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:3:35: error MIM1005: \`data.image_size\` must be a whole number at least 1 and at most 8192, but is 32.5.
        3 | data: { kind: shapes, image_size: 32.5 }
          |                                   ^^^^
        hint: Side of the square the model sees, in pixels. Default: \`224\`."
    `);
  });

  test('a value is missing', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'masking:', '  ratio:')).toMatchInlineSnapshot(`
      "my.mim.yaml:6:9: error MIM1005: \`masking.ratio\` has no value; it must be a number at least 0 and below 1.
        6 |   ratio:
          |         ^
        hint: Give it one, or remove the line. Share of patches the student does not see; 0, for \`method: maskalign\`, is feature distillation. Default of other methods: 0.75 (\`mae\`, \`milan\`, \`crossmae\`); 0.6 (\`simmim\`); 0 (\`feature_distillation\`); 0.4 (\`feature_inpainting\`, \`maskfeat\`); 0.61 (\`data2vec\`); 0.38 (\`beit\`, \`cae\`); 0.8 (\`umt\`). Default: \`0.7\`."
    `);
  });

  test('a section holds a plain value', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'masking: 0.7')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:10: error MIM1005: \`masking\` must be a mapping with keys such as strategy, ratio, ratio_end, ratio_stages, throw_ratio, unit, but is 0.7.
        5 | masking: 0.7
          |          ^^^
        hint: Which patches the student sees."
    `);
  });

  test('a list is too short', () => {
    expect(report('mim: 1', 'method: maskalign', 'data:', '  kind: shapes', '  crop_scale: [0.2]', 'teacher: { ema: {} }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:15: error MIM1006: \`data.crop_scale\` must be a list of 2 values, each a number at least 0 and at most 1, but is [0.2].
        5 |   crop_scale: [0.2]
          |               ^^^^^
        hint: RandomResizedCrop: range of the crop’s share of the area. Official: 0.2–1. Default of other methods: [0.67, 1] (\`simmim\`); [0.08, 1] (\`feature_distillation\`, \`data2vec\`, \`beit\`, \`cae\`); [0.5, 1] (\`maskfeat\`); [0.3, 1] (\`ijepa\`). Default: \`[0.2, 1]\`."
    `);
  });

  test('a level weighting is not one', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'alignment: { levels: top0 }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:22: error MIM1006: \`alignment.levels\` must be auto, mean, out, linear_decay, topK (such as top5) or midK (such as mid6), but is "top0".
        5 | alignment: { levels: top0 }
          |                      ^^^^
        hint: Weights of the teacher levels: \`mean\`, \`out\` (last only), \`linear_decay\`, \`topK\` (the last K), \`midK\` (index K alone). \`auto\`: the official top 5 of 12, scaled to the depth. Default: \`auto\`."
    `);
  });

  test('a number is infinite', () => {
    expect(report('mim: 1', 'method: maskalign', 'data: { kind: shapes }', 'teacher: { ema: {} }', 'schedule: { epochs: .inf }')).toMatchInlineSnapshot(`
      "my.mim.yaml:5:21: error MIM1005: \`schedule.epochs\` must be a number above 0 and at most 1000000, but is Infinity.
        5 | schedule: { epochs: .inf }
          |                     ^^^^
        hint: Passes over the training images. Default: \`200\`."
    `);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { freezeResolved, parseResolved } from '../../../extension/core/config/freeze';
import { checkText } from '../../../extension/core/config/load';
import { UserError } from '../../../extension/core/problems';
import { experimentInputs } from './experiment-inputs';
import { resolvedOf } from './experiment-of';

describe('config.yaml', () => {
  test('gives back every valid experiment exactly', () => {
    fc.assert(
      fc.property(experimentInputs, (input) => {
        const { resolved, problems } = checkText(JSON.stringify(input), '/lab/my.mim.yaml');
        expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
        const text = freezeResolved(resolved!);
        expect(parseResolved(text)).toEqual(resolved);
        expect(freezeResolved(parseResolved(text))).toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test('does not depend on the order in which keys were written', () => {
    const one = resolvedOf('seed: 3', 'optimizer: { batch_size: 64, lr: 1e-3 }');
    const other = resolvedOf('optimizer: { lr: 1e-3, batch_size: 64 }', 'seed: 3');
    expect(freezeResolved(one)).toBe(freezeResolved(other));
  });

  test('is an experiment that can be run again, to the same values', () => {
    const resolved = resolvedOf('data: { kind: folder, path: ./images, image_size: 32 }');
    const again = checkText(freezeResolved(resolved), '/elsewhere/runs/my/config.yaml');
    expect(again.problems).toEqual([]);
    expect(again.resolved).toEqual(resolved);
  });

  test('is read like a page', () => {
    expect(freezeResolved(resolvedOf())).toMatchInlineSnapshot(`
      "# Frozen by \`mim\` when the run was made: every default written out, every path absolute.
      # It can be run again as it is; \`derived\` is then computed anew.

      mim: 1
      name: my
      method: maskalign
      data:
        kind: shapes
        holdout: 0
        size: 10000
        test_size: 2000
        seed: 0
        image_size: 32
        crop_scale: [ 0.2, 1 ]
        crop_ratio: [ 0.75, 1.3333333333333333 ]
        flip: 0.5
        mean: [ 0.485, 0.456, 0.406 ]
        std: [ 0.229, 0.224, 0.225 ]
        threads: 0
        max_unreadable: 100
      student:
        patch_size: 4
        width: 192
        depth: 12
        heads: 3
        mlp_ratio: 4
        drop_path: 0
      teacher:
        checkpoint: /lab/teacher.safetensors
        format: auto
      masking:
        strategy: attentive
        ratio: 0.7
      alignment:
        levels: auto
        fusion: linear
        order: mix-then-adapt
        adaptor: linear
        target_norm: whiten
        loss: smooth_l1
      optimizer:
        batch_size: 1024
        accumulate: 1
        blr: 0.00015
        weight_decay: 0.05
        betas: [ 0.9, 0.95 ]
        eps: 1e-8
      schedule:
        epochs: 200
        warmup_epochs: 20
        min_lr: 0.00001
      supervised:
        label_smoothing: 0.1
        pooling: cls
      evaluate: []
      checkpoints:
        every: 1
        keep_every: 50
      samples:
        every: 0
        count: 8
      engine:
        kind: auto
        threads: 0
        steps_per_run: 4
      log_every: 1
      logging:
        tensorboard: false
        gradients: false
      runs: /lab/runs
      seed: 0
      derived:
        learningRate: 0.0006
        levels: top5
        patchCount: 64
        keepCount: 19
        microBatch: 1024
      "
    `);
  });

  test.each([
    ['is cut short', (text: string) => text.slice(0, text.length / 2)],
    ['lacks a key', (text: string) => text.replace(/^ {2}keepCount:.*\n/m, '')],
    ['holds an unknown key', (text: string) => `${text}\nfuture: 1\n`],
    ['is empty', () => ''],
  ])('is refused with a clear word when it %s', (_how, damage) => {
    const text = damage(freezeResolved(resolvedOf()));
    expect(() => parseResolved(text, 'runs/my/config.yaml')).toThrow(UserError);
    expect(() => parseResolved(text, 'runs/my/config.yaml')).toThrow(/^runs\/my\/config.yaml is not the frozen configuration of a run \(/);
  });
});

/** Random valid experiments. */
import fc from 'fast-check';
import type { ExperimentInput } from '../../../extension/core/config/schema';

const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const positive = fc.double({ min: 1e-12, max: 1e6, noNaN: true });
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const belowOne = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const path = fc.string({ minLength: 1, maxLength: 20 }).filter((text) => !text.startsWith('~'));

const student = fc.oneof(
  fc.constantFrom('vit_nano_patch4', 'vit_tiny_patch2', 'vit_large_patch8'),
  fc
    .record({ patch_size: fc.constantFrom(2, 4, 8), heads: fc.integer({ min: 1, max: 8 }), perHead: fc.integer({ min: 1, max: 16 }), depth: fc.integer({ min: 1, max: 30 }), drop_path: optional(belowOne), mlp_ratio: optional(fc.integer({ min: 1, max: 8 })) })
    .map(({ perHead, ...size }) => ({ ...size, width: 4 * perHead * size.heads })),
  fc.record({ preset: fc.constant('vit_small_patch16'), patch_size: fc.constant(4), drop_path: belowOne }),
);

const data = fc.record({
  kind: fc.constantFrom('auto' as const, 'folder' as const, 'tar' as const, 'parquet' as const),
  path,
  test_path: optional(path),
  image_size: fc.constantFrom(32, 64, 224),
  limit: optional(fc.integer({ min: 1, max: 1e6 })),
  flip: optional(fraction),
  mean: optional(fc.tuple(fraction, fraction, fraction)),
  std: optional(fc.tuple(positive, positive, positive)),
});

const evaluation = fc.oneof(
  fc.record({ protocol: fc.constant('knn' as const), every: positive, k: optional(fc.integer({ min: 1, max: 200 })), temperature: optional(positive) }),
  fc.record({ protocol: fc.constant('linear' as const), at: fc.constant('end' as const), features: optional(fc.constantFrom('cls' as const, 'mean' as const)), epochs: optional(fc.integer({ min: 1, max: 100 })) }),
);

const optimizer = fc
  .record({ passes: fc.integer({ min: 1, max: 8 }), microBatch: fc.integer({ min: 1, max: 512 }), lr: optional(positive), blr: optional(positive), weight_decay: optional(fraction), clip_grad: optional(positive), ema: optional(belowOne) })
  .map(({ passes, microBatch, ...rest }) => ({ ...rest, batch_size: passes * microBatch, accumulate: passes }));

/** Undefined keys are dropped by writing the experiment as JSON, which is YAML. */
export const experimentInputs: fc.Arbitrary<ExperimentInput> = fc.record({
  mim: fc.constant(1 as const),
  method: fc.constant('maskalign' as const),
  name: optional(fc.constantFrom('a', 'run-1.2', '007', 'null', '1e5')),
  data,
  student,
  teacher: fc.oneof(
    fc.record({ checkpoint: path, format: optional(fc.constantFrom('auto' as const, 'hf-clip' as const)) }),
    fc.record({ ema: fc.record({ momentum: fraction, momentum_end: fraction }) }),
  ),
  masking: optional(fc.record({ strategy: fc.constantFrom('attentive' as const, 'random' as const), ratio: fc.double({ min: 0, max: 0.9, noNaN: true }) })),
  alignment: optional(fc.record({ levels: fc.constantFrom('auto', 'mean', 'out', 'top1', 'mid0'), fusion: fc.constantFrom('sum' as const, 'linear' as const), loss: fc.constantFrom('l1' as const, 'l2' as const) })),
  optimizer,
  schedule: fc.record({ epochs: fc.double({ min: 1e-3, max: 1e4, noNaN: true }), min_lr: fc.constant(0), max_steps: optional(fc.integer({ min: 1, max: 1e6 })) }),
  evaluate: optional(fc.array(evaluation, { maxLength: 3 })),
  engine: optional(fc.constantFrom('auto' as const, 'tfjs-cpu' as const)),
  seed: optional(fc.maxSafeNat()),
});

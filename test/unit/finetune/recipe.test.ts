/** The numbers of the two presets, and how a batch is split. */
import { describe, expect, it } from 'vitest';
import { evaluationSchema, type EvaluationConfig, type ExperimentInput } from '../../../extension/core/config/schema';
import { fineTuneRecipe, fineTuningExperiment } from '../../../extension/training/finetune/recipe';
import { experiment } from '../model/experiments';

const config = (input: Partial<EvaluationConfig>): EvaluationConfig => evaluationSchema.parse({ protocol: 'finetune', at: 'end', ...input });
const recipe = (input: Partial<EvaluationConfig>, images: number, optimizer: ExperimentInput['optimizer'] = {}) => fineTuneRecipe(config(input), experiment({ optimizer }), images);

describe('the recipe of fine-tuning', () => {
  it('of preset mae is the official one of ViT-B', () => {
    expect(recipe({ preset: 'mae' }, 1_281_167)).toEqual({
      preset: 'mae', epochs: 100, warmupEpochs: 5, batchSize: 1024, accumulate: 8, microBatch: 128, blr: 5e-4, lr: 2e-3, minLr: 1e-6,
      betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0.05, layerDecay: 0.65, dropPath: 0.1, labelSmoothing: 0.1, erasing: 0.25,
      mixing: { mixup: 0.8, cutmix: 1, probability: 1, switchProbability: 0.5 },
      crops: { crop_scale: [0.08, 1], crop_ratio: [3 / 4, 4 / 3], flip: 0.5 },
    });
  });

  it('of MaskAlign differs in three numbers', () => {
    expect(recipe({ preset: 'mae', blr: 3e-4, layer_decay: 0.55, drop_path: 0.2 }, 1_281_167)).toMatchObject({ lr: expect.closeTo(1.2e-3, 12) as number, layerDecay: 0.55, dropPath: 0.2, epochs: 100 });
  });

  it('of preset small takes eight steps an epoch or more, and the experiment’s crops', () => {
    expect(recipe({}, 50_000)).toMatchObject({ preset: 'small', epochs: 20, warmupEpochs: 1, batchSize: 128, accumulate: 1 });
    expect(recipe({}, 100)).toMatchObject({ batchSize: 12, microBatch: 12 });
    expect(recipe({}, 100).crops).toEqual({ crop_scale: [0.2, 1], crop_ratio: [3 / 4, 4 / 3], flip: 0.5 });
    expect(recipe({}, 1)).toMatchObject({ batchSize: 1, accumulate: 1 });
  });

  it('passes over no more images at once than an experiment that accumulates', () => {
    expect(recipe({}, 50_000, { batch_size: 64, accumulate: 2 })).toMatchObject({ batchSize: 128, accumulate: 4, microBatch: 32 });
    expect(recipe({ preset: 'mae' }, 1000)).toMatchObject({ batchSize: 1000, accumulate: 8, microBatch: 125 });
  });

  it('makes a training without what belongs to the pretraining', () => {
    const given = experiment({ optimizer: { ema: 0.9, clip_grad: 1, lr: 3 }, schedule: { epochs: 7, max_steps: 3 }, teacher: { ema: {} } });
    const tuning = fineTuningExperiment(given, fineTuneRecipe(config({ epochs: 10 }), given, 50_000));
    expect(tuning).toMatchObject({ teacher: undefined, evaluate: [], schedule: { epochs: 10, warmup_epochs: 0.5, min_lr: 1e-6 }, derived: { learningRate: 5e-4 } });
    expect(tuning.optimizer).toEqual({ batch_size: 128, accumulate: 1, blr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.05 });
    expect(tuning.schedule.max_steps).toBeUndefined();
    const half = fineTuningExperiment({ ...given, engine: { ...given.engine, precision: 'float16' } }, fineTuneRecipe(config({}), given, 50_000));
    expect(half.engine).toEqual(given.engine);
  });
});

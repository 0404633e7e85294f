/**
 * What fine-tuning does with the images and the optimizer, in two presets:
 *
 * - `mae`: the official recipe of MAE's ViT-B (FINETUNE.md, main_finetune.py): 100 epochs of 1024 images a step, crops of 8 % of
 *   the image and more. MaskAlign's ViT-B differs in three numbers: `blr: 3e-4`, `layer_decay: 0.55`, `drop_path: 0.2`.
 * - `small`: the same for small data and small students: fewer epochs, small batches at a higher base rate, less decay over layers
 *   of which there are fewer, and the experiment's own crops.
 *
 * Official code augments by RandAugment too, which this does not.
 */
import { inFloat32 } from '../../core/config/engine-traits';
import type { ProbePresetName } from '../../core/config/evaluation-choices';
import type { DataConfig, EvaluationConfig, ResolvedExperiment } from '../../core/config/schema';
import type { MixingConfig } from './mixing';

interface Preset {
  /** Images a step; at most so many. */
  readonly batchSize: number;
  /** lr = blr · batch/256. */
  readonly blr: number;
  readonly epochs: number;
  readonly layerDecay: number;
  readonly dropPath: number;
  /** Instead of the experiment's. */
  readonly crops?: Pick<DataConfig, 'crop_scale' | 'crop_ratio' | 'flip'>;
}

const PRESETS: Readonly<Record<ProbePresetName, Preset>> = {
  mae: { batchSize: 1024, blr: 5e-4, epochs: 100, layerDecay: 0.65, dropPath: 0.1, crops: { crop_scale: [0.08, 1], crop_ratio: [3 / 4, 4 / 3], flip: 0.5 } },
  small: { batchSize: 128, blr: 1e-3, epochs: 20, layerDecay: 0.75, dropPath: 0.1 },
};

/** Common to both: AdamW, schedule and augmentation as the official code has them. */
const BETAS: [number, number] = [0.9, 0.999];
const WEIGHT_DECAY = 0.05;
const EPS = 1e-8;
const MIN_LR = 1e-6;
/** 5 of 100 epochs. */
const WARMUP_SHARE = 1 / 20;
const LABEL_SMOOTHING = 0.1;
const ERASING = 0.25;
const MIXING: MixingConfig = { mixup: 0.8, cutmix: 1, probability: 1, switchProbability: 0.5 };

/** Images of a forward and backward pass, or as many as the experiment's where that accumulates, which it does to save memory. */
const LARGEST_PASS = 128;
/** `small`: an epoch has at least so many steps. */
const STEPS_PER_EPOCH = 8;

export interface FineTuneRecipe {
  readonly preset: ProbePresetName;
  readonly epochs: number;
  readonly warmupEpochs: number;
  /** Images a step: `accumulate` passes of `microBatch` each, which are mixed among themselves. */
  readonly batchSize: number;
  readonly accumulate: number;
  readonly microBatch: number;
  readonly blr: number;
  readonly lr: number;
  readonly minLr: number;
  readonly betas: [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  readonly layerDecay: number;
  readonly dropPath: number;
  readonly labelSmoothing: number;
  /** Probability. */
  readonly erasing: number;
  readonly mixing: MixingConfig;
  readonly crops: Pick<DataConfig, 'crop_scale' | 'crop_ratio' | 'flip'>;
}

/** @param images there are to train on */
export function fineTuneRecipe(config: EvaluationConfig, { data, optimizer, derived }: ResolvedExperiment, images: number): FineTuneRecipe {
  const preset = PRESETS[config.preset];
  const { epochs = preset.epochs, blr = preset.blr, layer_decay: layerDecay = preset.layerDecay, drop_path: dropPath = preset.dropPath } = config;
  const wanted = Math.max(1, Math.min(preset.batchSize, config.preset === 'mae' ? images : Math.floor(images / STEPS_PER_EPOCH)));
  const accumulate = Math.ceil(wanted / (optimizer.accumulate > 1 ? Math.min(LARGEST_PASS, derived.microBatch) : LARGEST_PASS));
  const microBatch = Math.floor(wanted / accumulate);
  const batchSize = accumulate * microBatch;
  const { crop_scale, crop_ratio, flip } = preset.crops ?? data;
  return {
    preset: config.preset, epochs, warmupEpochs: epochs * WARMUP_SHARE, batchSize, accumulate, microBatch, blr, lr: (blr * batchSize) / 256,
    minLr: MIN_LR, betas: BETAS, eps: EPS, weightDecay: WEIGHT_DECAY, layerDecay, dropPath,
    labelSmoothing: LABEL_SMOOTHING, erasing: ERASING, mixing: MIXING, crops: { crop_scale, crop_ratio, flip },
  };
}

/** The training that fine-tuning is: the experiment's images and seed, the recipe's optimizer and schedule. */
export function fineTuningExperiment(experiment: ResolvedExperiment, recipe: FineTuneRecipe): ResolvedExperiment {
  const { epochs, warmupEpochs, minLr, batchSize, accumulate, microBatch, blr, lr, betas, eps, weightDecay, crops } = recipe;
  return {
    ...experiment,
    data: { ...experiment.data, ...crops },
    teacher: undefined,
    evaluate: [],
    engine: inFloat32(experiment.engine),
    optimizer: { batch_size: batchSize, accumulate, blr, betas, eps, weight_decay: weightDecay },
    schedule: { epochs, warmup_epochs: warmupEpochs, min_lr: minLr },
    derived: { ...experiment.derived, learningRate: lr, microBatch },
  };
}

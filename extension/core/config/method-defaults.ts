/**
 * Defaults that differ between methods, one entry a method with its source. What is not here is the same for all
 * and stands in schema.ts; the budget (epochs, warm-up, batch) is, on purpose: it is the experimenter's choice, not the method's.
 */
import type { MethodName } from './method-traits';
import { type MultiBlockConfig, OFFICIAL_MULTI_BLOCK } from './multi-block';
import { DEFAULT_RATIO_STAGES } from './ratio-stages';

type Range = readonly [number, number];
export type MaskingName = 'attentive' | 'random' | 'block' | 'coarse' | 'grid' | 'multi_block' | 'attentive_hidden' | 'top_visible' | 'top_hidden';
export type ReconstructionLoss = 'l2' | 'l1' | 'smooth_l1_beta1' | 'smooth_l1_beta2' | 'cosine' | 'cross_entropy';

/** The moving average that teaches. */
export interface AverageConfig {
  readonly momentum: number;
  readonly momentum_end: number;
  /** Absent: cosine. */
  readonly schedule?: 'cosine' | 'linear';
}

/** As in DINO and BYOL. */
const USUAL_AVERAGE: AverageConfig = { momentum: 0.996, momentum_end: 1 };

export interface MethodDefaults {
  readonly source: string;
  readonly masking: { readonly strategy: MaskingName; readonly ratio: number };
  /** `blr` is for a batch of 256. */
  readonly optimizer: { readonly blr: number; readonly betas: Range; readonly clip_grad?: number };
  readonly schedule: { readonly min_lr: number };
  readonly data: { readonly crop_scale: Range; readonly flip?: number };
  /** Stochastic depth of the named sizes base and large; smaller students have none. Absent: that of the MaskAlign recipe. */
  readonly dropPath?: number;
  /** The student's average is the teacher unless another is written; the momenta are those of `teacher.ema`. */
  readonly selfTaught?: AverageConfig;
  /** Of the section `reconstruction`. */
  readonly reconstruction?: { readonly norm_pix?: boolean; readonly target_norm?: 'none' | 'l2' | 'whiten'; readonly hog_bins?: number; readonly loss: ReconstructionLoss };
  /** The official decoder, for students at least 768 wide; smaller students have one of their width, a third as deep. */
  readonly decoder?: { readonly depth: number; readonly width: number; readonly heads: number; readonly kept_mask_ratio?: number };
}

const MASKALIGN: MethodDefaults = {
  source: 'OpenDriveLab/maskalign, README, ViT-B',
  masking: { strategy: 'attentive', ratio: 0.7 },
  optimizer: { blr: 1.5e-4, betas: [0.9, 0.95] },
  schedule: { min_lr: 1e-5 },
  data: { crop_scale: [0.2, 1] },
};

export const methodDefaults: Readonly<Record<MethodName, MethodDefaults>> = {
  maskalign: MASKALIGN,
  supervised: MASKALIGN,
  mae: {
    source: 'facebookresearch/mae, PRETRAIN.md and main_pretrain.py, ViT-B',
    masking: { strategy: 'random', ratio: 0.75 },
    optimizer: { blr: 1.5e-4, betas: [0.9, 0.95] },
    schedule: { min_lr: 0 },
    data: { crop_scale: [0.2, 1] },
    dropPath: 0,
    reconstruction: { norm_pix: true, loss: 'l2' },
    decoder: { depth: 8, width: 512, heads: 16 },
  },
  simmim: {
    source: 'microsoft/SimMIM, ViT-B at 800 epochs; its rate of 1e-4 is for a batch of 512',
    masking: { strategy: 'coarse', ratio: 0.6 },
    optimizer: { blr: 5e-5, betas: [0.9, 0.999], clip_grad: 5 },
    schedule: { min_lr: 0 },
    data: { crop_scale: [0.67, 1] },
    dropPath: 0.1,
    reconstruction: { norm_pix: false, loss: 'l1' },
  },
  feature_distillation: {
    source: 'SwinTransformer/Feature-Distillation, CLIP ViT-B at 300 epochs; its rate of 3e-4 is for a batch of 512',
    masking: { strategy: 'random', ratio: 0 },
    optimizer: { blr: 1.5e-4, betas: [0.9, 0.999], clip_grad: 3 },
    schedule: { min_lr: 5e-6 },
    data: { crop_scale: [0.08, 1] },
    dropPath: 0.2,
    reconstruction: { target_norm: 'whiten', loss: 'smooth_l1_beta2' },
  },
  feature_inpainting: {
    source: 'the pipeline of BEiT (1.5e-3 at 2048), which MVP and EVA share',
    masking: { strategy: 'block', ratio: 0.4 },
    optimizer: { blr: 1.875e-4, betas: [0.9, 0.999], clip_grad: 3 },
    schedule: { min_lr: 1e-5 },
    data: { crop_scale: [0.2, 1] },
    dropPath: 0.1,
    reconstruction: { target_norm: 'none', loss: 'cosine' },
  },
  milan: {
    source: 'zejiangh/MILAN, ViT-B at 400 epochs',
    masking: { strategy: 'attentive', ratio: 0.75 },
    optimizer: { blr: 1.5e-4, betas: [0.9, 0.95] },
    schedule: { min_lr: 0 },
    data: { crop_scale: [0.2, 1] },
    dropPath: 0,
    reconstruction: { target_norm: 'none', loss: 'cosine' },
    decoder: { depth: 8, width: 512, heads: 16 },
  },
  crossmae: {
    source: 'TonyLianLong/CrossMAE, README, ViT-B at 800 epochs',
    masking: { strategy: 'random', ratio: 0.75 },
    optimizer: { blr: 1.5e-4, betas: [0.9, 0.95] },
    schedule: { min_lr: 0 },
    data: { crop_scale: [0.2, 1] },
    dropPath: 0,
    reconstruction: { norm_pix: true, loss: 'l2' },
    decoder: { depth: 12, width: 512, heads: 16, kept_mask_ratio: 0.25 },
  },
  maskfeat: {
    source: 'facebookresearch/SlowFast and MMPretrain, MaskFeat, ViT-B at 300 epochs (1.6e-3 at 2048)',
    masking: { strategy: 'block', ratio: 0.4 },
    optimizer: { blr: 2e-4, betas: [0.9, 0.999], clip_grad: 0.02 },
    schedule: { min_lr: 1e-6 },
    data: { crop_scale: [0.5, 1] },
    dropPath: 0,
    reconstruction: { hog_bins: 9, loss: 'l2' },
  },
  data2vec: {
    source: 'facebookresearch/data2vec_vision, ViT-B at 800 epochs (2e-3 at 2048)',
    masking: { strategy: 'block', ratio: 0.61 },
    optimizer: { blr: 2.5e-4, betas: [0.9, 0.999], clip_grad: 3 },
    schedule: { min_lr: 1e-5 },
    data: { crop_scale: [0.08, 1] },
    dropPath: 0.25,
    selfTaught: { momentum: 0.9998, momentum_end: 0.9998 },
    reconstruction: { target_norm: 'whiten', loss: 'smooth_l1_beta2' },
  },
  ijepa: {
    source: 'facebookresearch/ijepa, ViT-H/14 at 300 epochs (1e-3 at 2048); the predictor of the paper for ViT-B',
    masking: { strategy: 'multi_block', ratio: 0.7 },
    optimizer: { blr: 1.25e-4, betas: [0.9, 0.999] },
    schedule: { min_lr: 1e-6 },
    data: { crop_scale: [0.3, 1], flip: 0 },
    dropPath: 0,
    selfTaught: { momentum: 0.996, momentum_end: 1, schedule: 'linear' },
    reconstruction: { target_norm: 'whiten', loss: 'smooth_l1_beta1' },
    decoder: { depth: 6, width: 384, heads: 12 },
  },
  beit: {
    source: 'microsoft/unilm, beit, ViT-B at 800 epochs (1.5e-3 at 2048)',
    masking: { strategy: 'block', ratio: 0.38 },
    optimizer: { blr: 1.875e-4, betas: [0.9, 0.999], clip_grad: 3 },
    schedule: { min_lr: 1e-5 },
    data: { crop_scale: [0.08, 1] },
    dropPath: 0.1,
    reconstruction: { target_norm: 'l2', loss: 'cross_entropy' },
  },
  cae: {
    source: 'lxtGH/CAE, ViT-B at 800 epochs (1.5e-3 at 2048); the features of CAE v2 as target',
    masking: { strategy: 'block', ratio: 0.38 },
    optimizer: { blr: 1.875e-4, betas: [0.9, 0.999], clip_grad: 3 },
    schedule: { min_lr: 1e-5 },
    data: { crop_scale: [0.08, 1] },
    dropPath: 0.1,
    reconstruction: { target_norm: 'none', loss: 'cosine' },
    decoder: { depth: 4, width: 768, heads: 12 },
  },
  umt: {
    source: 'OpenGVLab/unmasked_teacher, single_modality, ViT-B, of which a frame is an image',
    masking: { strategy: 'attentive', ratio: 0.8 },
    optimizer: { blr: 1.5e-4, betas: [0.9, 0.95] },
    schedule: { min_lr: 1e-5 },
    data: { crop_scale: [0.2, 1] },
    dropPath: 0.1,
    reconstruction: { target_norm: 'l2', loss: 'cosine' },
  },
};

export const TEACHER_FORMATS = ['auto', 'timm', 'hf-clip', 'hf-vit', 'hf-dinov2', 'hf-mae', 'openai-clip', 'simmim'] as const;
type TeacherFormat = (typeof TEACHER_FORMATS)[number];

/** Keys of an experiment, in their sections, as far as their defaults depend on the method. */
interface Written {
  readonly method: MethodName;
  readonly masking: Partial<MultiBlockConfig & { strategy: MaskingName; ratio: number; ratio_end: number; unit: number }>;
  readonly optimizer: Partial<{ blr: number; betas: [number, number]; clip_grad: number }>;
  readonly schedule: Partial<{ min_lr: number }>;
  readonly data: Partial<{ crop_scale: [number, number]; flip: number }>;
  readonly teacher?: { format: TeacherFormat; ema?: Partial<AverageConfig> };
}

type Filled<T extends Written> = Omit<T, 'masking' | 'optimizer' | 'schedule' | 'data' | 'teacher'> & {
  teacher?: Omit<NonNullable<T['teacher']>, 'ema'> & { ema?: AverageConfig };
  masking: T['masking'] & { strategy: MaskingName; ratio: number };
  optimizer: T['optimizer'] & { blr: number; betas: [number, number] };
  schedule: T['schedule'] & { min_lr: number };
  data: T['data'] & { crop_scale: [number, number]; flip: number };
};

const USUAL_FLIP = 0.5;

/** SimMIM hides squares of 32 pixels, which are 2 × 2 of its patches. */
const COARSE_UNIT = 2;

/** The experiment with what its method leaves to be filled in. */
export function withMethodDefaults<T extends Written>(experiment: T): Filled<T> {
  const { masking, optimizer, schedule, data, selfTaught } = methodDefaults[experiment.method];
  const teacher = experiment.teacher ?? (selfTaught && ({ format: 'auto', ema: {} } satisfies Written['teacher']));
  const strategy = experiment.masking.strategy ?? masking.strategy;
  return {
    ...experiment,
    masking: { ...(strategy === 'coarse' && { unit: COARSE_UNIT }), ...(strategy === 'multi_block' && OFFICIAL_MULTI_BLOCK), ...(experiment.masking.ratio_end !== undefined && { ratio_stages: DEFAULT_RATIO_STAGES }), ...masking, ...defined(experiment.masking) },
    optimizer: { ...optimizer, ...defined(experiment.optimizer) },
    schedule: { ...schedule, ...defined(experiment.schedule) },
    data: { flip: USUAL_FLIP, ...data, ...defined(experiment.data) },
    ...(teacher && { teacher: { ...teacher, ...(teacher.ema && { ema: { ...USUAL_AVERAGE, ...selfTaught, ...defined(teacher.ema) } }) } }),
  } as Filled<T>;
}

function defined<T extends object>(section: T): Partial<T> {
  return Object.fromEntries(Object.entries(section).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** For the documentation of a key, the defaults that differ from MaskAlign's: `Default of other methods: 0.75 (mae, milan); …`. */
export function otherDefaults(valueOf: (defaults: MethodDefaults) => unknown): string {
  const methods = new Map<string, string[]>();
  for (const [method, defaults] of Object.entries(methodDefaults)) {
    const text = written(valueOf(defaults));
    if (text !== written(valueOf(MASKALIGN))) methods.set(text, [...(methods.get(text) ?? []), `\`${method}\``]);
  }
  return `Default of other methods: ${[...methods].map(([text, names]) => `${text} (${names.join(', ')})`).join('; ')}.`;
}

function written(value: unknown): string {
  if (value === undefined) return 'none';
  return Array.isArray(value) ? `[${value.join(', ')}]` : String(value);
}

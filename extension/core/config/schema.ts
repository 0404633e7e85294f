/**
 * The one schema of an experiment: types, defaults, documentation and the JSON Schema file all come from here.
 *
 * Defaults are the official MaskAlign recipe (OpenDriveLab/maskalign README, ViT-B); those that differ between methods
 * are filled in from method-defaults.ts once the method is known. What depends on other keys (`levels: auto`, `lr` from
 * `blr`, the size of a decoder) is derived in resolve.ts.
 */
import * as z from 'zod';
import { slurmLauncherSchema } from '../launchers/slurm/options';
import { DEFAULT_DRAWS, DEFAULT_QUERIES, FEATURE_KINDS, PROBE_PRESET_NAMES, PROTOCOLS } from './evaluation-choices';
import { TEACHER_FORMATS, methodDefaults, otherDefaults, withMethodDefaults } from './method-defaults';
import { DEFAULT_RATIO_STAGES } from './ratio-stages';
import { METHODS, methodTraits } from './method-traits';
import { RUN_NAME, RUN_NAME_RULE } from '../runs/run-name';

/** What the JSON Schema gives as the defaults of keys whose defaults depend on the method; the descriptions tell the others. */
const RECIPE = methodDefaults.maskalign;

const fraction = z.number().min(0).max(1);
const belowOne = z.number().min(0).lt(1);
const positive = z.number().positive();
const nonNegative = z.number().min(0);
/** Counts and sizes are bounded far above any use, so that a slip of the finger is a problem and not a memory overflow. */
const upTo = (largest: number) => z.int().min(1).max(largest);
const positiveInt = upTo(1_000_000_000);
const rising = z.tuple([fraction, fraction]).refine(([from, to]) => from > 0 && from <= to, 'two numbers above 0, the smaller first');
const path = z.string().min(1);
const threadCount = z.int().min(0).max(1024);

export const vitSchema = z
  .strictObject({
    preset: z.string().optional().meta({ examples: ['vit_tiny_patch4', 'vit_base_patch16'] }).describe('A named size to start from, such as `vit_tiny_patch4`; the keys beside it override its own.'),
    patch_size: upTo(1024).optional().describe('Side of a patch in pixels.'),
    width: upTo(65_536).optional().describe('Token width D.'),
    depth: upTo(1024).optional().describe('Number of transformer blocks N.'),
    heads: upTo(1024).optional().describe('Attention heads; must divide the width.'),
    mlp_ratio: positive.max(64).optional().describe('Hidden width of the MLP over D. Official: 4.'),
    drop_path: belowOne.optional().describe('Stochastic depth of the last block; earlier blocks get a linear share of it. Default: 0 for the small sizes; for base and large that of the method’s recipe. Official: 0.1 for base, 0.2 for large.'),
  })
  .describe('A vision transformer.');

export const dataSchema = z.strictObject({
  kind: z
    .enum(['auto', 'folder', 'tar', 'cifar10', 'cifar100', 'idx', 'parquet', 'shapes'])
    .default('auto')
    .describe('What `path` holds. `auto` looks: class folders, tar or WebDataset shards, the official CIFAR binary, idx(.gz), Hugging Face Parquet. `shapes` is the procedural set and needs no path.'),
  path: path.optional().describe('Training images, relative to this file: a folder, a tar, or a folder that holds train and test/val splits.'),
  test_path: path.optional().describe('Labelled held-out images for probes. Default: the test or val split beside the training split, otherwise `holdout` of the training images.'),
  holdout: belowOne.default(0.1).describe('Share of the training images held out for probes where there is no test split. Unless it is written, nothing is held out where `evaluate` is empty.'),
  limit: positiveInt.optional().describe('Use only this many training images, drawn by `data.seed`.'),
  test_limit: positiveInt.optional().describe('Use only this many test images, drawn by `data.seed`.'),
  size: positiveInt.default(10_000).describe('`shapes` only: number of training images made.'),
  test_size: positiveInt.default(2_000).describe('`shapes` only: number of test images made.'),
  seed: z.int().min(0).default(0).describe('Which procedural images are drawn, which images are held out, and which `limit` keeps. Apart from the experiment’s own `seed`, so that runs with different seeds, and their teacher, share one division of the data.'),
  image_size: upTo(8192).default(224).describe('Side of the square the model sees, in pixels.'),
  crop_scale: z.tuple([fraction, fraction]).optional().meta({ default: RECIPE.data.crop_scale }).describe(`RandomResizedCrop: range of the crop’s share of the area. Official: 0.2–1. ${otherDefaults(({ data }) => data.crop_scale)}`),
  crop_ratio: z.tuple([positive, positive]).default([3 / 4, 4 / 3]).describe('RandomResizedCrop: range of the aspect ratio.'),
  flip: fraction.optional().meta({ default: 0.5 }).describe('Probability of a horizontal flip. Default of `ijepa`: 0.'),
  mean: z.tuple([z.number(), z.number(), z.number()]).default([0.485, 0.456, 0.406]).describe('Per-channel mean for normalisation (ImageNet).'),
  std: z.tuple([positive, positive, positive]).default([0.229, 0.224, 0.225]).describe('Per-channel standard deviation for normalisation (ImageNet).'),
  threads: threadCount.default(0).describe('Loader threads; 0 chooses from the machine. The images do not depend on it.'),
  max_unreadable: z.int().min(0).max(1_000_000_000).default(100).describe('Unreadable images that are reported and skipped before the run stops.'),
}).describe('Where the images come from and how they are augmented.');

export const averageSchema = z.strictObject({
  momentum: fraction.optional().meta({ default: 0.996 }).describe('Momentum of the average at the start. Default of `data2vec`: 0.9998.'),
  momentum_end: fraction.optional().meta({ default: 1 }).describe('Momentum at the end. Default of `data2vec`: 0.9998.'),
  schedule: z.enum(['cosine', 'linear']).optional().describe('How it rises in between. Default: `linear` for `ijepa`, otherwise `cosine`.'),
});

export const teacherCacheSchema = z.strictObject({
  views: upTo(1000).default(4).describe('Crops of each image, drawn once by `data.seed` and taken in turn, one an epoch. More are nearer to the paper, and cost disk and as many slower epochs.'),
  max_gb: positive.default(50).describe('Disk that the folder may take, with what other runs keep in it when this one begins, in 10⁹ bytes. A training whose cache would take more is not begun.'),
  folder: path.optional().describe('Where it lies, relative to this file. Default: `~/.cache/mim/teacher`. Runs with the same teacher, images and views share what is there.'),
}).describe('`method: maskalign` with a checkpoint in float32: what the teacher says of each view is computed once and kept on disk as float16, so that later epochs need no teacher. A deviation from the paper, which crops anew in every epoch.');

export const teacherSchema = z.strictObject({
  checkpoint: path.optional().meta({ examples: ['hf://timm/vit_base_patch16_224.dino'] }).describe('A teacher’s weights, relative to this file: .safetensors, .bin or .pth in CLIP, DINO, DINOv2, timm, MAE, MaskAlign or SimMIM naming, or one of this product’s run or checkpoint folders. Or `hf://owner/name[@revision][/file]`: a repository of the Hugging Face Hub, downloaded into its cache.'),
  format: z.enum(TEACHER_FORMATS).default('auto').describe('Naming of the keys; `auto` recognises it.'),
  heads: upTo(1024).optional().describe('Attention heads, where the file does not tell and width/64 is wrong.'),
  dtype: z.enum(['float32', 'int8']).optional().meta({ default: 'float32' }).describe('What the products of the teacher’s blocks are computed in. `int8` (on the processor only) is faster and not exact: how far targets are off is measured before the training, and told.'),
  cache: teacherCacheSchema.optional(),
  ema: averageSchema
    .optional()
    .describe('Instead of a checkpoint: the exponential moving average of the student itself is the teacher; watch for collapse. The default of `data2vec` and `ijepa`; with other methods a deviation from the paper.'),
}).describe('The frozen model that saw the whole image.');

export const maskingSchema = z.strictObject({
  strategy: z
    .enum(['attentive', 'random', 'block', 'coarse', 'grid', 'multi_block', 'attentive_hidden', 'top_visible', 'top_hidden'])
    .optional()
    .meta({ default: RECIPE.masking.strategy })
    .describe(
      `\`attentive\`: patches the teacher’s CLS token attends to are more likely to stay *visible* (MaskAlign, MILAN). \`random\`: uniform. \`block\`: rectangles are hidden (BEiT). \`coarse\`: squares of \`unit\` × \`unit\` patches are hidden (SimMIM). \`grid\`: one of every 2 × 2 patches stays visible. \`multi_block\`: a large rectangle without several smaller ones stays visible (I-JEPA, whose targets the smaller ones are). \`attentive_hidden\`: attended patches are more likely to be *hidden* (as in AMT). \`top_visible\`, \`top_hidden\`: no draw, the most attended patches stay visible, or are hidden. ${otherDefaults(({ masking }) => masking.strategy)}`,
    ),
  ratio: belowOne.optional().meta({ default: RECIPE.masking.ratio }).describe(`Share of patches the student does not see; 0, for \`method: maskalign\`, is feature distillation. ${otherDefaults(({ masking }) => masking.ratio)}`),
  ratio_end: belowOne.optional().describe('The ratio at the end of the training, where it is not the same throughout: it goes from `ratio` to this in stages of equal length.'),
  ratio_stages: z.int().min(2).max(100).optional().meta({ default: DEFAULT_RATIO_STAGES }).describe('With `ratio_end`: how many stages. Each compiles the step for its number of visible patches.'),
  throw_ratio: belowOne.optional().describe('`method: mae` and `milan`, `strategy: attentive_hidden` and `random`: share of patches that are hidden beside `ratio` and not reconstructed (AMT; its recipe for MAE: `ratio: 0.45`, `throw_ratio: 0.4`).'),
  unit: upTo(1024).optional().describe('`strategy: coarse` only: side of a hidden square in patches. Default: 2, which are SimMIM’s 32 pixels at patches of 16.'),
  num_pred_masks: upTo(64).optional().describe('`strategy: multi_block` only: target rectangles of an image. Default: 4.'),
  pred_mask_scale: rising.optional().describe('`strategy: multi_block` only: range of a target’s share of the patches. Default: 0.15–0.2.'),
  enc_mask_scale: rising.optional().describe('`strategy: multi_block` only: range of the context’s share of the patches, before the targets are cut out. Default: 0.85–1.'),
  aspect_ratio: z.tuple([positive, positive]).optional().describe('`strategy: multi_block` only: range of a target’s height over its width. Default: 0.75–1.5.'),
}).describe('Which patches the student sees.');

export const alignmentSchema = z.strictObject({
  levels: z
    .string()
    .regex(/^(auto|mean|out|linear_decay|top[1-9]\d{0,3}|mid\d{1,4})$/, 'auto, mean, out, linear_decay, topK (such as top5) or midK (such as mid6)')
    .default('auto')
    .describe('Weights of the teacher levels: `mean`, `out` (last only), `linear_decay`, `topK` (the last K), `midK` (index K alone). `auto`: the official top 5 of 12, scaled to the depth.'),
  fusion: z.enum(['simple', 'linear', 'sum']).default('linear').describe('Dynamic alignment: `linear` mixes N student levels into N, `sum` N into M (needed where the depths differ), `simple` does not mix.'),
  order: z.enum(['mix-then-adapt', 'adapt-then-mix']).default('mix-then-adapt').describe('`mix-then-adapt`: the official code. `adapt-then-mix`: the figure of the paper.'),
  adaptor: z.enum(['linear', 'norm_linear', 'mlp', 'mlp2']).default('linear').describe('The head from student to teacher width, one a level.'),
  target_norm: z.enum(['none', 'l2', 'whiten', 'bn']).default('whiten').describe('Normalisation of the teacher’s features.'),
  loss: z.enum(['l2', 'l1', 'smooth_l1']).default('smooth_l1').describe('Distance between aligned and target features; `smooth_l1` is 2·SmoothL1(β=1) as in the official code.'),
}).describe('How student levels are aligned with teacher levels.');

export const decoderSchema = z.strictObject({
  depth: upTo(1024).optional().describe('Transformer blocks. Default: 8 for students at least 768 wide (official; `crossmae`: 12, `ijepa`: 6, `cae`: 4 of regressor and decoder each), otherwise a third of the student’s.'),
  width: upTo(65_536).optional().describe('Token width. Default: 512 for students at least 768 wide (official; `ijepa`: 384, `cae`: 768), otherwise the student’s.'),
  heads: upTo(1024).optional().describe('Attention heads; must divide the width. Default: 16 for students at least 768 wide (official; `ijepa` and `cae`: 12), otherwise the student’s.'),
  kept_mask_ratio: fraction.optional().describe('`method: crossmae` only: share of all patches that are predicted, at most `masking.ratio`; the hidden ones beyond it cost nothing. Default: 0.25 (official recipe); at the full `masking.ratio` every hidden patch is predicted.'),
}).describe('The transformer that reconstructs, for `method: mae`, `milan` and `crossmae`, I-JEPA’s predictor, or CAE’s regressor and decoder; it is not part of what is exported.');

export const reconstructionSchema = z.strictObject({
  norm_pix: z.boolean().optional().describe('Pixels only: each patch is normalised by its own mean and variance before it is a target. Default: true for `mae` and `crossmae`, false for `simmim`.'),
  target_norm: z.enum(['none', 'l2', 'whiten']).optional().describe('Features only: normalisation of each token of the teacher. Default: `whiten` (LayerNorm without affine) for `feature_distillation`, `ijepa` and `data2vec` (each level, and their mean), `l2` for `beit` and `umt`, otherwise `none`.'),
  project: z.boolean().optional().describe('Features only: apply CLIP’s projection into the space it shares with texts, as the official codes of MILAN and UMT do; targets are then as wide as that space. Needs a `teacher.checkpoint` with the projection. Default: false.'),
  average_top_k: upTo(1024).optional().describe('`data2vec` only: last blocks of the teacher whose mean is the target. Default: half of them (official: 6 of 12).'),
  return_layer: upTo(1024).optional().describe('`umt` only: last blocks of student and teacher that are aligned one to one. Default: half of the student’s (official: 6 of 12).'),
  hog_bins: z.int().min(2).max(64).optional().describe('`maskfeat` only: orientations of the histograms of gradients, over half a turn. Default: 9 (official).'),
  hog_cell: upTo(1024).optional().describe('`maskfeat` only: side in pixels of the squares that have a histogram each; must divide the patch. Default: half a patch, which are the official 8 at patches of 16.'),
  loss: z
    .enum(['l2', 'l1', 'smooth_l1_beta1', 'smooth_l1_beta2', 'cosine', 'cross_entropy'])
    .optional()
    .describe('Distance between prediction and target: `l2` and `l1`, `smooth_l1_beta1` (e²/2 below 1, then |e| − ½), `smooth_l1_beta2` (e²/4 below 2, then |e| − 1), `cosine` (2 − 2cos, not for pixels), `cross_entropy` (of codes; `beit` has no other). Default: `l2` for `mae`, `crossmae` and `maskfeat`, `l1` for `simmim`, `smooth_l1_beta1` for `ijepa`, `smooth_l1_beta2` for `feature_distillation` and `data2vec`, `cosine` for `feature_inpainting`, `milan`, `cae` and `umt`, `cross_entropy` for `beit`.'),
}).describe('What is predicted, for methods that predict pixels, histograms of gradients or features; `alignment` does it for MaskAlign.');

export const codebookSchema = z.strictObject({
  size: z.int().min(2).max(65_536).default(512).describe('Codes. Official: 8192, of a discrete VAE.'),
  images: positiveInt.default(2048).describe('Training images whose patches are clustered, at most one epoch of them; of their patches, 64 a code.'),
  iterations: upTo(1000).default(20).describe('Iterations of k-means at most; it ends once nothing changes.'),
}).describe('`method: beit` only: the codes that stand for patches, learnt before the training by k-means over the teacher’s features, by `seed`. Every checkpoint holds them; the run’s environment.json has their SHA-256.');

export const optimizerSchema = z.strictObject({
  batch_size: positiveInt.default(1024).describe('Images per optimizer step (the effective batch).'),
  accumulate: positiveInt.default(1).describe('Split each batch into this many forward/backward passes.'),
  blr: positive.optional().meta({ default: RECIPE.optimizer.blr }).describe(`Base learning rate; lr = blr · batch_size / 256. ${otherDefaults(({ optimizer }) => optimizer.blr)}`),
  lr: positive.optional().describe('Absolute learning rate; overrides blr.'),
  weight_decay: nonNegative.default(0.05).describe('AdamW decay; not applied to biases, norms and alignment weights.'),
  betas: z.tuple([belowOne, belowOne]).optional().meta({ default: RECIPE.optimizer.betas }).describe(`AdamW betas. ${otherDefaults(({ optimizer }) => optimizer.betas)}`),
  eps: positive.default(1e-8).describe('AdamW epsilon.'),
  clip_grad: positive.optional().describe(`Clip the global gradient norm. ${otherDefaults(({ optimizer }) => optimizer.clip_grad)}`),
  ema: belowOne.optional().describe('Also keep an exponential moving average of the student with this decay; evaluations and exports can use it.'),
}).describe('AdamW, as in the official recipe.');

export const scheduleSchema = z.strictObject({
  epochs: positive.max(1_000_000).default(200).describe('Passes over the training images.'),
  warmup_epochs: nonNegative.optional().describe('Linear warm-up from 0, per step. Default: a tenth of the epochs (official: 20 of 200).'),
  min_lr: nonNegative.optional().meta({ default: RECIPE.schedule.min_lr }).describe(`Learning rate at the end of the half-cosine. ${otherDefaults(({ schedule }) => schedule.min_lr)}`),
  max_steps: positiveInt.optional().describe('Stop after this many steps; the schedule is computed as if the run went on.'),
}).describe('Warm-up, then half-cosine, per step.');

export const evaluationSchema = z.strictObject({
  protocol: z.enum(PROTOCOLS).describe('`knn` as in DINO; `linear` is a linear probe; `attentive` pools the patch tokens by learned queries before it (efficient probing); `robustness` scores a linear probe on corrupted test images; `finetune` trains the encoder itself with labels, end to end.'),
  every: positive.optional().describe('Evaluate every this many epochs.'),
  at: z.enum(['end']).optional().describe('`end`: evaluate when training is done.'),
  features: z.enum(FEATURE_KINDS).default('cls').describe('`cls`: the CLS token after the final norm. `mean`: the mean of the patch tokens. `both`: the two, one after the other, twice as wide.'),
  layers: z.union([z.literal('all'), z.array(upTo(1024).describe('A block.')).min(1)]).optional().meta({ examples: ['all', [6, 12]] }).describe('Evaluate the output of these blocks, counted from 1, or of `all`, each after the final norm. Default: the last alone.'),
  preset: z.enum(PROBE_PRESET_NAMES).default('small').describe('`linear`, `attentive` and `finetune`. `mae`: the official protocol (LARS, augmentation, 90 epochs; fine-tuning: batch 1024, 100 epochs). `small`: no augmentation, learning rates swept (fine-tuning: batch 128, 20 epochs).'),
  epochs: positiveInt.optional().describe('`linear`, `attentive` and `robustness`: epochs of the probe. `finetune`: of fine-tuning.'),
  queries: upTo(1024).optional().meta({ default: DEFAULT_QUERIES }).describe('`attentive` only: learned queries. Where they do not divide the width, the most that do, below it.'),
  label_fraction: z.number().gt(0).lt(1).optional().meta({ examples: [0.01, 0.1] }).describe('`linear` with `preset: small` only: train on this share of the labels of every class, at least one. Its protocol is then `linear_1pct` for 0.01.'),
  draws: upTo(1000).optional().meta({ default: DEFAULT_DRAWS }).describe('With `label_fraction`: how often the images that keep their labels are drawn; the mean is reported, with the standard deviation. They follow from `data.seed`.'),
  blr: positive.optional().describe('`finetune` only: base learning rate; lr = blr · batch / 256. Default: 1e-3, with `preset: mae` 5e-4.'),
  layer_decay: z.number().gt(0).max(1).optional().meta({ examples: [0.55, 0.65, 1] }).describe('`finetune` only: each block is trained at this share of the rate of the one after it. Default: 0.75, with `preset: mae` 0.65.'),
  drop_path: belowOne.optional().meta({ default: 0.1 }).describe('`finetune` only: stochastic depth of the last block; earlier blocks get a linear share of it.'),
  k: positiveInt.default(20).describe('`knn` only: neighbours.'),
  temperature: positive.default(0.07).describe('`knn` only: temperature of the votes.'),
  baselines: z.boolean().default(true).describe('Evaluate the random-initialised student and the teacher too, once a run, at the end.'),
}).describe('A probe of the student’s features.');

export const checkpointsSchema = z.strictObject({
  every: positive.default(1).describe('Save every this many epochs.'),
  keep_every: positive.default(50).describe('Of those, keep one every this many epochs beside the newest two.'),
}).describe('When the run is saved.');

export const engineSchema = z.strictObject({
  kind: z.enum(['auto', 'native', 'compiled-cpu', 'compiled-webgpu', 'wgsl', 'tfjs-node-gpu', 'tfjs-webgpu', 'tfjs-cpu', 'tfjs-wasm']).default('auto').describe('`compiled-cpu`, `compiled-webgpu`: the step traced into one graph, run by ONNX Runtime on the CPU or on a GPU. `native`: as machine code written for this processor, on Linux on x64 with AVX-512. `wgsl`: by kernels of our own on a GPU, once `mim engine install wgsl` was done. `tfjs-node-gpu`, `tfjs-webgpu`: eager on a GPU, by CUDA or WebGPU, likewise. `tfjs-cpu`, `tfjs-wasm`: eager references. `auto`: the fastest that works here.'),
  threads: threadCount.default(0).describe('Compute threads; 0 is every core, or `MIM_THREADS`. A resumed run keeps the number it was saved with, which bit-exactness needs.'),
  steps_per_run: upTo(1024).default(4).describe('Training steps handed to the compiled engine at once.'),
  device: z.union([z.int().min(0).max(1023), z.string().min(1).max(256)]).optional().meta({ examples: [0, 1, 'H100'] }).describe('Of an engine on a GPU: which one, by its number in the list of `mim doctor`, or by a part of its name. Default: the one that the queue gave (`MIM_DEVICE`), else the first that the system gives.'),
  precision: z.enum(['float32', 'float16']).optional().meta({ default: 'float32' }).describe('What matrix products of a training round their operands to; sums, weights and moments are of float32. `float16` (`engine: wgsl` only) scales the loss as PyTorch’s `GradScaler` does, and is faster where the GPU has matrix units. Evaluations and diagnostics compute in float32.'),
}).describe('What computes.');

export const samplesSchema = z.strictObject({
  every: nonNegative.default(0).describe('Draw every this many epochs too; 0: at the start and at the end only.'),
  count: z.int().min(0).max(64).default(8).describe('Images on each picture, always the same; 0: no pictures.'),
}).describe('Pictures of masks, teacher attention and reconstructions in the run’s `samples` folder, for methods that hide patches.');

export const diagnosticsSchema = z.strictObject({
  every: nonNegative.default(0).describe('Diagnose every this many epochs too; 0: at the start and at the end only.'),
  images: z.int().min(4).max(1_000_000).default(256).describe('Training images that are looked at, drawn by `data.seed`: the same at every step.'),
}).describe('What `mim diagnose` computes, along the training, in the run’s `diagnostics` folder. Without this section nothing is diagnosed.');

export const loggingSchema = z.strictObject({
  tensorboard: z.boolean().default(false).describe('Also write TensorBoard event files, into the run’s `tensorboard` folder: every number of `metrics.jsonl` and the figures of the evaluations. `tensorboard --logdir runs` shows them.'),
  gradients: z.boolean().default(false).describe('Also record how large gradients and updates are, block by block: `block_grad_norms` (before clipping) and `block_update_ratios` (‖Δθ‖/‖θ‖) of the embedding, of each block, and of heads and decoder. They cost some passes over the parameters a step.'),
}).describe('Where the metrics are written beside `metrics.jsonl`.');

export const initSchema = z.strictObject({
  checkpoint: path.describe('Weights of a model with the student’s dimensions, relative to this file: a run, a checkpoint’s folder, a weight file or `hf://owner/name`, as for `teacher.checkpoint`.'),
}).describe('Start the student from weights instead of random ones. Adaptors, moments and the schedule begin anew.');

const sweptValue = z.union([z.number(), z.boolean(), z.string()]);
const sweptValues = z.array(sweptValue).min(1);
const range = z.tuple([z.number(), z.number()]);

export const distributionSchema = z
  .strictObject({
    uniform: range.optional().meta({ examples: [[0.3, 0.9]] }).describe('Between two numbers, all equally likely.'),
    log_uniform: range.optional().meta({ examples: [[1e-5, 1e-3]] }).describe('Between two numbers above 0, every order of magnitude equally likely: for learning rates.'),
    int_uniform: z.tuple([z.int(), z.int()]).optional().meta({ examples: [[1, 12]] }).describe('A whole number from the first to the last.'),
    choice: sweptValues.optional().meta({ examples: [['l2', 'smooth_l1']] }).describe('One of a list.'),
  })
  .describe('How a value is drawn: one of `uniform`, `log_uniform`, `int_uniform`, `choice`.');

export const randomSearchSchema = z.strictObject({
  count: upTo(1000).describe('Draws. More draws leave those before them as they are.'),
  seed: z.int().min(0).default(0).describe('Which values are drawn; the same on every machine.'),
  keys: z
    .record(z.string(), distributionSchema)
    .meta({ examples: [{ 'optimizer.blr': { log_uniform: [1e-5, 1e-3] } }] })
    .describe('Dotted keys and how each is drawn, `optimizer.blr: { log_uniform: [1e-5, 1e-3] }`.'),
}).describe('Random search: values drawn from distributions. Each draw is combined with the grid, the list and the seeds.');

export const conditionSchema = z.strictObject({
  if: z
    .record(z.string(), z.union([sweptValue, sweptValues]))
    .meta({ examples: [{ 'masking.strategy': 'random' }] })
    .describe('Dotted keys and the value, or the list of values, that each must have: all of them. A key that is not swept has the value of the experiment.'),
  set: z.record(z.string(), sweptValue).optional().meta({ examples: [{ 'masking.ratio': 0.6 }] }).describe('Dotted keys and the values they have then, also in place of swept ones. Cells that become equal are one.'),
  exclude: z.boolean().optional().describe('`true`: there is no such cell.'),
}).describe('What holds only in some cells.');

export const halvingSchema = z.strictObject({
  metric: z.enum(['knn', 'linear', 'loss']).default('knn').describe('What decides: a probe of the student’s features (as `evaluate` has it, or by its defaults), or the training loss of the last epoch.'),
  factor: z.int().min(2).max(10).default(3).describe('At each rung one configuration in this many goes on; the next rung is this many times as far.'),
  min_epochs: positive.default(5).describe('Epochs of the first rung.'),
}).describe('Successive halving: configurations are compared early, by the mean over their seeds, and only the best go on. The others stay stopped with a checkpoint. The learning rate follows the schedule of the whole run.');

export const sweepSchema = z.strictObject({
  name: z.string().regex(RUN_NAME, RUN_NAME_RULE).optional().describe('Name of the sweep; default: that of the experiment.'),
  grid: z
    .record(z.string(), sweptValues)
    .default({})
    .meta({ examples: [{ 'masking.ratio': [0.5, 0.7, 0.9] }] })
    .describe('Dotted keys and the values each takes, `masking.ratio: [0.5, 0.7, 0.9]`; every combination is a run.'),
  list: z
    .array(z.record(z.string(), sweptValue).describe('Dotted keys and their values.'))
    .min(1)
    .optional()
    .meta({ examples: [[{ 'masking.ratio': 0.5, 'masking.strategy': 'random' }]] })
    .describe('Combinations written out, `- { masking.ratio: 0.5, masking.strategy: random }`. Each is combined with the grid, the draws and the seeds.'),
  random: randomSearchSchema.optional(),
  seeds: z.union([upTo(1000), z.array(z.int().min(0).describe('A seed.')).min(1)]).optional().describe('Runs of every combination: their number (seeds 0, 1, …), or the list of seeds.'),
  conditions: z.array(conditionSchema).optional().describe('What holds only in some cells, applied in order: `if` all of these values, `set` others or `exclude` the cell.'),
  cell_name: z.string().min(1).max(200).optional().meta({ examples: ['"{name}-r{masking.ratio}-s{seed}"'] }).describe('Names of the runs: `{name}` is the sweep’s, any dotted key in braces its value. Default: the name and every swept key.'),
  halving: halvingSchema.optional(),
}).describe('Many runs of this experiment, for `mim sweep`.');

export const launcherSchema = z
  .union([z.enum(['here', 'queue', 'slurm']), slurmLauncherSchema])
  .describe('Who trains the run, or the cells of a sweep: `here`, the process that was started, one after another; `queue`, the queue of this machine; `slurm`, a cluster, with its settings. What is trained does not depend on it.');

const experimentShape = {
  mim: z.literal(1).describe('Marks an experiment and the version of its format.'),
  name: z.string().regex(RUN_NAME, RUN_NAME_RULE).optional().describe('Name of the run; default: the file’s name.'),
  method: z.enum(METHODS).describe(`${METHODS.map((method) => `\`${method}\`: ${methodTraits[method].says}`).join('. ')}.`),
  data: dataSchema,
  student: z.union([z.string().meta({ examples: ['vit_tiny_patch4', 'vit_small_patch16', 'vit_base_patch16'] }), vitSchema]).default('vit_base_patch16').describe('The model that is trained: a name (`vit_tiny_patch4`) or its dimensions.'),
  init: initSchema.optional(),
  teacher: teacherSchema.optional(),
  masking: maskingSchema.prefault({}),
  alignment: alignmentSchema.prefault({}),
  decoder: decoderSchema.optional(),
  reconstruction: reconstructionSchema.optional(),
  codebook: codebookSchema.optional(),
  optimizer: optimizerSchema.prefault({}),
  schedule: scheduleSchema.prefault({}),
  supervised: z
    .strictObject({
      label_smoothing: fraction.default(0.1).describe('Label smoothing of the cross-entropy.'),
      pooling: z.enum(['cls', 'mean']).default('cls').describe('What the classifier reads.'),
    })
    .prefault({})
    .describe('`method: supervised` only.'),
  evaluate: z.array(evaluationSchema).default([]).describe('Probes during and after training.'),
  checkpoints: checkpointsSchema.prefault({}),
  samples: samplesSchema.prefault({}),
  diagnostics: diagnosticsSchema.optional(),
  engine: z.union([engineSchema.shape.kind.unwrap(), engineSchema]).default('auto').describe('An engine’s name or its settings.'),
  log_every: positiveInt.default(1).describe('Write a metrics record every this many steps.'),
  logging: loggingSchema.prefault({}),
  runs: path.default('runs').describe('Folder in which run directories are made, relative to this file.'),
  sweep: sweepSchema.optional(),
  launcher: launcherSchema.default('here'),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).describe('Everything random follows from it.'),
};

/** The keys as they may be written, without what depends on the method. */
export const writtenExperimentSchema = z.strictObject(experimentShape);

/** Parses to an experiment in which the method's defaults are filled in. */
export const experimentSchema = writtenExperimentSchema.transform(withMethodDefaults);

/** An experiment as parsed, with defaults, before names are resolved. */
export type Experiment = z.output<typeof experimentSchema>;
export type ExperimentInput = z.input<typeof experimentSchema>;
export type DataConfig = Experiment['data'];
export type TeacherConfig = NonNullable<Experiment['teacher']>;
export type MaskingConfig = Experiment['masking'];
export type AlignmentConfig = z.output<typeof alignmentSchema>;
export type OptimizerConfig = Experiment['optimizer'];
/** The schedule with its warm-up filled in. */
export type ScheduleConfig = Experiment['schedule'] & { warmup_epochs: number };
export type EvaluationConfig = z.output<typeof evaluationSchema>;
export type SweepConfig = z.output<typeof sweepSchema>;
export type HalvingConfig = z.output<typeof halvingSchema>;
export type RandomSearchConfig = z.output<typeof randomSearchSchema>;
export type DistributionConfig = z.output<typeof distributionSchema>;
export type ConditionConfig = z.output<typeof conditionSchema>;
export type LauncherConfig = z.output<typeof launcherSchema>;
export type CodebookConfig = z.output<typeof codebookSchema>;
export type EngineConfig = z.output<typeof engineSchema>;
/** A decoder with every dimension known. */
export type DecoderShape = z.output<typeof decoderSchema> & Required<Pick<z.output<typeof decoderSchema>, 'depth' | 'width' | 'heads'>>;
/** What a method predicts, with its loss filled in; keys that are not of its kind of target are absent. */
export type ReconstructionConfig = z.output<typeof reconstructionSchema> & { loss: NonNullable<z.output<typeof reconstructionSchema>['loss']> };

/** A vision transformer with every dimension known. */
export interface VitShape {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly mlpRatio: number;
  readonly dropPath: number;
}

/** An experiment with names resolved and derived values filled in; this is what a run freezes. */
export interface ResolvedExperiment extends Omit<Experiment, 'student' | 'engine' | 'name' | 'schedule' | 'sweep' | 'launcher' | 'decoder' | 'reconstruction' | 'codebook'> {
  readonly name: string;
  readonly student: VitShape;
  /** Where the method has a transformer decoder. */
  readonly decoder?: DecoderShape;
  /** Where the method predicts pixels or features. */
  readonly reconstruction?: ReconstructionConfig;
  /** Where the method classifies patches. */
  readonly codebook?: CodebookConfig;
  readonly schedule: ScheduleConfig;
  readonly engine: EngineConfig;
  readonly derived: {
    /** lr = blr · batch/256, or `optimizer.lr`. */
    readonly learningRate: number;
    /** `levels: auto` written out, e.g. `top5`. */
    readonly levels: string;
    /** Patches of the student, L. */
    readonly patchCount: number;
    /** Patches that stay visible, as the masking counts them; L where nothing is hidden. */
    readonly keepCount: number;
    /** Images per forward/backward pass. */
    readonly microBatch: number;
  };
}

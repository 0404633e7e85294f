/** Whether the sections of an experiment go together with its method: what it needs, and what would have no effect. */
import { computesInInt8 } from './engine-traits';
import { type MethodName, METHODS, hasDecoder, hidesPatches, methodTraits, needsTeacher, predicts, readsAttention, readsTeacher } from './method-traits';
import { multiBlockConfig, targetSizes } from './multi-block';
import type { ProblemList } from './problem-list';
import { atRatio, stageRatios } from './ratio-stages';
import type { DecoderShape, MaskingConfig, ResolvedExperiment } from './schema';
import { methodDefaults } from './method-defaults';
import { maskedCount, predictedCount, visibleCount } from './keep-count';

/** The code of a key that is written but not read. */
export const NO_EFFECT = 'MIM1116';

export function checkMethod(resolved: ResolvedExperiment, problems: ProblemList): void {
  warnForeignSections(resolved.method, problems);
  checkTeacher(resolved, problems);
  checkTeacherCache(resolved, problems);
  if (hidesPatches(resolved.method)) checkMasking(resolved, problems);
  if (resolved.decoder) checkDecoder(resolved.decoder, problems);
  checkPredicted(resolved, problems);
  if (resolved.reconstruction) checkReconstruction(resolved, problems);
}

export function warnUnused(key: string, why: string, problems: ProblemList): void {
  if (!problems.locate(key)) return;
  problems.add(NO_EFFECT, key, `\`${key}\` has no effect: ${why}.`, { hint: 'Remove it.', severity: 'warning' });
}

function warnForeignSections(method: MethodName, problems: ProblemList): void {
  const name = `\`method: ${method}\``;
  if (method === 'supervised') {
    for (const key of ['masking', 'alignment']) warnUnused(key, `${name} neither masks nor aligns`, problems);
  } else {
    warnUnused('supervised', `${name} uses no labels`, problems);
    if (!hidesPatches(method)) warnUnused('masking', `${name} hides nothing`, problems);
    if (method !== 'maskalign') warnUnused('alignment', `${name} does not align levels; its section is \`reconstruction\``, problems);
  }
  if (!hasDecoder(method)) warnUnused('decoder', `${name} has no transformer decoder`, problems);
  if (methodTraits[method].target !== 'teacher-codes') warnUnused('codebook', `${name} classifies no patches`, problems);
  if (!predicts(method)) warnUnused('reconstruction', `${name} reconstructs nothing`, problems);
}

function checkTeacher(resolved: ResolvedExperiment, problems: ProblemList): void {
  const { method, teacher, masking, engine } = resolved;
  if (!readsTeacher(resolved)) {
    if (!teacher) return;
    const learns = method === 'supervised' ? 'labels' : 'pixels';
    problems.add('MIM1112', 'teacher', `\`method: ${method}\` learns from ${learns} and takes no teacher.`, {
      hint: method === 'supervised' ? 'Remove the section `teacher`, or use `method: maskalign`.' : `Remove the section \`teacher\`, or use a method with one: ${METHODS.filter(needsTeacher).join(', ')}.`,
    });
  } else if (teacher?.checkpoint === undefined && !teacher?.ema) {
    const needs = !needsTeacher(method) ? `\`strategy: ${masking.strategy}\` needs a teacher, whose attention draws the masks.` : method === 'maskalign' ? 'MaskAlign needs a teacher to align with (its attention also draws attentive masks).' : `\`method: ${method}\` needs a teacher, whose features are its targets${readsAttention(masking.strategy) ? ' (its attention also draws the masks)' : ''}.`;
    problems.add('MIM1112', needsTeacher(method) ? ['teacher', 'method'] : ['teacher', 'masking.strategy', 'masking', 'method'], needs, {
      hint: 'Add `teacher: { checkpoint: … }`; a small one can be trained with `mim teacher`. Without one, `teacher: { ema: {} }` averages the student itself.',
    });
  } else if (methodTraits[method].target === 'teacher-codes' && teacher.ema) {
    problems.add('MIM1112', ['teacher.ema', 'teacher'], `\`method: ${method}\` needs a frozen teacher: its codes are learnt before the training, and an average would move away from them.`, {
      hint: 'Name a file under `teacher.checkpoint`; a small one can be trained with `mim teacher`.',
    });
  } else if (teacher.dtype === 'int8' && teacher.ema) {
    problems.add('MIM1112', ['teacher.dtype', 'teacher'], 'An average of the student changes with every step and stays of float32: `dtype: int8` is of frozen teachers.', { hint: 'Leave `dtype` out.' });
  } else if (teacher.dtype === 'int8' && engine.kind !== 'auto' && !computesInInt8(engine.kind)) {
    problems.add('MIM1112', ['teacher.dtype', 'engine'], `\`engine: ${engine.kind}\` does not compute in int8.`, { hint: 'Use `engine: auto`, or leave `dtype` out.' });
  } else if (resolved.reconstruction?.project && teacher.ema) {
    problems.add('MIM1112', ['reconstruction.project', 'teacher.ema', 'teacher'], 'An average of the student has no projection: `project` is of CLIP.', { hint: 'Name a CLIP checkpoint under `teacher.checkpoint`, or leave `project` out.' });
  } else if (teacher.checkpoint !== undefined && teacher.ema) {
    problems.add('MIM1112', 'teacher.ema', 'Two teachers are given: `teacher.checkpoint` and `teacher.ema`.', {
      hint: 'Keep one of them.',
    });
  }
}

/** Kept is what a frozen teacher says of an image alone. */
function checkTeacherCache({ method, teacher, alignment }: ResolvedExperiment, problems: ProblemList): void {
  if (teacher?.cache === undefined) return;
  const keys = ['teacher.cache', 'teacher'];
  if (teacher.ema) {
    problems.add('MIM1112', keys, 'An average of the student changes with every step: what it says cannot be kept.', { hint: 'Leave `cache` out, or name a file under `teacher.checkpoint`.' });
  } else if (method !== 'maskalign') {
    problems.add('MIM1112', keys, `\`teacher.cache\` is of \`method: maskalign\`; \`method: ${method}\` asks its teacher in every step.`, { hint: 'Leave `cache` out.' });
  } else if (teacher.dtype === 'int8') {
    problems.add('MIM1112', ['teacher.dtype', ...keys], '`dtype: int8` rounds an image by what else is in its batch, and kept is what is said of each image.', { hint: 'Leave `dtype` or `cache` out: a teacher that is asked once need not be fast.' });
  } else if (alignment.target_norm === 'bn') {
    problems.add('MIM1112', ['alignment.target_norm', ...keys], '`target_norm: bn` reads the features of a whole batch, and kept are those of each image.', { hint: 'Use another `target_norm`, or leave `teacher.cache` out.' });
  }
}

function checkMasking(resolved: ResolvedExperiment, problems: ProblemList): void {
  const { method, masking, student } = resolved;
  const { strategy, unit } = masking;
  if (strategy !== 'coarse') warnUnused('masking.unit', 'only `strategy: coarse` hides squares of several patches', problems);
  if (strategy === 'grid') warnUnused('masking.ratio', '`strategy: grid` keeps one patch of four', problems);
  if (readsAttention(strategy) && !readsTeacher(resolved)) {
    problems.add('MIM1121', ['masking.strategy', 'masking'], `\`strategy: ${strategy}\` asks a teacher where to look, and \`method: ${method}\` has none.`, {
      hint: 'Use random, block, coarse, grid or multi_block.',
      replacement: 'random',
    });
  }
  if (strategy !== 'multi_block') for (const key of MULTI_BLOCK_KEYS) warnUnused(`masking.${key}`, 'only `strategy: multi_block` has targets', problems);
  if (method === 'ijepa' && strategy !== 'multi_block') {
    problems.add('MIM1121', ['masking.strategy', 'masking'], `\`method: ijepa\` predicts blocks, which \`strategy: ${strategy}\` does not draw.`, { hint: 'Use `strategy: multi_block`, the default.', replacement: 'multi_block' });
  }
  checkThrown(resolved, problems);
  if (strategy === 'grid') warnUnused('masking.ratio_end', '`strategy: grid` keeps one patch of four', problems);
  if (masking.ratio_end === undefined) warnUnused('masking.ratio_stages', 'without `masking.ratio_end` the ratio does not change', problems);
  const grid = student.imageSize / student.patchSize;
  const square = strategy === 'coarse' ? (unit ?? 1) : strategy === 'grid' ? 2 : 1;
  if (Number.isInteger(grid) && grid % square !== 0) {
    problems.add('MIM1121', strategy === 'coarse' ? ['masking.unit', 'masking.strategy', 'method'] : ['masking.strategy', 'masking'], `\`strategy: ${strategy}\` divides the image into squares of ${square} × ${square} patches, which do not divide its ${grid} × ${grid}.`, {
      hint: strategy === 'coarse' ? `Use \`masking.unit: 1\`, or one that divides ${grid}.` : 'Use a patch size that gives an even number of patches a side, or `strategy: random`.',
    });
    return;
  }
  checkVisible(resolved, ['masking.ratio', 'masking', 'method'], problems);
  if (masking.ratio_end !== undefined) checkVisible(atRatio(resolved, masking.ratio_end), ['masking.ratio_end'], problems);
}

const THROWING_METHODS: readonly MethodName[] = ['mae', 'milan'];
const THROWING_STRATEGIES: readonly string[] = ['attentive_hidden', 'random'];

function checkThrown({ method, masking, derived: { patchCount, keepCount } }: ResolvedExperiment, problems: ProblemList): void {
  if (masking.throw_ratio === undefined) return;
  if (!THROWING_METHODS.includes(method)) problems.add('MIM1121', 'masking.throw_ratio', `\`method: ${method}\` throws no patches away.`, { hint: `Remove the key, or use one of ${THROWING_METHODS.join(', ')}.` });
  else if (!THROWING_STRATEGIES.includes(masking.strategy)) problems.add('MIM1121', 'masking.throw_ratio', `\`strategy: ${masking.strategy}\` does not say which of the hidden patches to throw away.`, { hint: `Remove the key, or use one of ${THROWING_STRATEGIES.join(', ')}.` });
  else if (maskedCount(masking, patchCount, keepCount) < 1) problems.add('MIM1107', ['masking.ratio', 'masking'], `A masking ratio of ${masking.ratio} leaves none of the ${patchCount} patches to be reconstructed.`, { hint: 'Use a greater one; what is thrown away is beside it.' });
}

/** @param keys to blame */
function checkVisible(resolved: ResolvedExperiment, keys: readonly string[], problems: ProblemList): void {
  const { method, masking, derived: { patchCount, keepCount }, student } = resolved;
  const { strategy, ratio } = masking;
  const grid = student.imageSize / student.patchSize;
  if (strategy === 'multi_block' && Number.isInteger(grid)) checkMultiBlock(resolved, grid, keys, problems);
  if (keepCount < 1) noneVisible(masking, patchCount, keys, problems);
  else if (keepCount === patchCount && methodTraits[method].paradigm !== 'alignment') {
    problems.add('MIM1107', keys, `A masking ratio of ${ratio} hides none of the ${patchCount} patches, and \`method: ${method}\` learns from hidden ones.`, {
      hint: `The paper’s is the default: leave \`masking.ratio\` out.`,
    });
  }
}

const MULTI_BLOCK_KEYS = ['num_pred_masks', 'pred_mask_scale', 'enc_mask_scale', 'aspect_ratio'];

/** A context has patches enough if all targets lie on each other. */
function checkMultiBlock({ masking, derived: { patchCount, keepCount } }: ResolvedExperiment, grid: number, keys: readonly string[], problems: ProblemList): void {
  const { largest } = targetSizes(grid, multiBlockConfig(masking));
  if (keepCount <= patchCount - largest) return;
  const least = Math.ceil((100 * largest) / patchCount) / 100;
  problems.add('MIM1107', keys, `A masking ratio of ${masking.ratio} leaves ${keepCount} of ${patchCount} patches visible, but a target has up to ${largest}, which are not.`, { hint: `Use a ratio of at least ${least}, or smaller targets (\`masking.pred_mask_scale\`).` });
}

function noneVisible(masking: MaskingConfig, patchCount: number, keys: readonly string[], problems: ProblemList): void {
  let largest = Math.floor((1 - 1 / patchCount) * 100) / 100;
  while (largest > 0 && visibleCount({ ...masking, ratio: largest }, patchCount) < 1) largest = Math.round((largest - 0.01) * 100) / 100;
  problems.add('MIM1107', keys, `A masking ratio of ${masking.ratio} leaves none of the ${patchCount} patches visible.`, {
    hint: `At least one must stay: a ratio of at most ${largest}, or smaller patches.`,
  });
}

function checkDecoder({ width, heads }: DecoderShape, problems: ProblemList): void {
  if (width % heads !== 0) {
    problems.add('MIM1104', ['decoder.heads', 'decoder.width', 'decoder'], `${heads} heads do not divide the decoder’s width ${width}.`, { hint: 'Give `decoder.width` and `decoder.heads` that fit; 32 channels a head are the official ones.' });
  }
  if (width % 4 !== 0) {
    problems.add('MIM1105', ['decoder.width', 'decoder'], `The decoder’s width ${width} is not a multiple of 4.`, { hint: 'Sine and cosine of two coordinates fill a quarter of the width each.' });
  }
}

/** How many of the hidden patches are predicted, for the method that may leave some out. */
function checkPredicted(resolved: ResolvedExperiment, problems: ProblemList): void {
  // Where the ratio changes, fewest are hidden at one of its ends.
  const { method, decoder, masking, derived: { patchCount, keepCount } } = atRatio(resolved, Math.min(...stageRatios(resolved.masking)));
  if (decoder && decoder.kept_mask_ratio === undefined) warnUnused('decoder.kept_mask_ratio', `\`method: ${method}\` predicts every hidden patch`, problems);
  if (decoder?.kept_mask_ratio === undefined) return;
  const keys = ['decoder.kept_mask_ratio', 'decoder', 'masking.ratio', 'masking'];
  if (decoder.kept_mask_ratio > masking.ratio) {
    problems.add('MIM1107', keys, `\`decoder.kept_mask_ratio: ${decoder.kept_mask_ratio}\` predicts more than the ${masking.ratio} of the patches that are hidden.`, {
      hint: 'At most the masking ratio, at which every hidden patch is predicted.',
      replacement: String(masking.ratio),
    });
  } else if (keepCount < patchCount && predictedCount(patchCount, keepCount, masking.ratio, decoder.kept_mask_ratio) < 1) {
    problems.add('MIM1107', keys, `\`decoder.kept_mask_ratio: ${decoder.kept_mask_ratio}\` predicts none of the ${patchCount - keepCount} hidden patches.`, { hint: 'The official one is the default: leave it out.' });
  }
}

/** Keys of the section `reconstruction` beside its loss, by what is predicted. */
const TARGETS = {
  pixels: { says: 'pixels', keys: ['norm_pix'] },
  hog: { says: 'histograms of gradients', keys: ['hog_bins', 'hog_cell'] },
  'teacher-features': { says: 'features', keys: ['target_norm', 'project'] },
  'teacher-codes': { says: 'codes of features', keys: ['target_norm', 'project'] },
  'teacher-last-levels': { says: 'features', keys: ['target_norm', 'project', 'return_layer'] },
  'teacher-average': { says: 'features', keys: ['target_norm', 'average_top_k'] },
};

function checkReconstruction({ method, reconstruction, student: { patchSize } }: ResolvedExperiment, problems: ProblemList): void {
  const { target } = methodTraits[method];
  const { says, keys: read } = TARGETS[target as keyof typeof TARGETS];
  for (const key of new Set(Object.values(TARGETS).flatMap(({ keys }) => keys))) {
    if (!read.includes(key)) warnUnused(`reconstruction.${key}`, `\`method: ${method}\` predicts ${says}`, problems);
  }
  const cell = reconstruction?.hog_cell;
  if (cell !== undefined && patchSize % cell !== 0) {
    problems.add('MIM1121', ['reconstruction.hog_cell', 'reconstruction', 'method'], `Cells of ${cell} pixels do not divide patches of ${patchSize}.`, { hint: 'Give a divisor of the patch size, or leave `hog_cell` out: half a patch.' });
  }
  const loss = reconstruction!.loss;
  if ((target === 'teacher-codes') !== (loss === 'cross_entropy')) {
    const right = methodDefaults[method].reconstruction?.loss;
    problems.add('MIM1121', ['reconstruction.loss', 'method'], target === 'teacher-codes' ? `\`method: ${method}\` classifies, and \`loss: ${loss}\` compares values.` : '`loss: cross_entropy` is of classes, which this method does not predict.', { hint: `Leave it out: ${right}.`, replacement: right });
  }
  if (target === 'pixels' && reconstruction!.loss === 'cosine') {
    problems.add('MIM1121', 'reconstruction.loss', '`loss: cosine` compares directions, which pixels are not.', { hint: 'Use l1, l2 or smooth_l1_beta2.', replacement: 'l2' });
  }
}

/** The derived values of an experiment in a few lines, to be read before training begins. */
import { gmacPerImage } from './cost';
import { predictedCount } from './keep-count';
import { hidesPatches, readsTeacher } from './method-traits';
import { atRatio, stageRatios } from './ratio-stages';
import type { ResolvedExperiment, VitShape } from './schema';

export interface SummaryContext {
  /** Training images; without it, steps are not told. */
  readonly imageCount?: number;
  readonly teacher?: VitShape;
}

export interface StepCounts {
  readonly perEpoch: number;
  /** Of the whole schedule, which the learning rate follows. */
  readonly scheduled: number;
  /** After which the run ends: `schedule.max_steps` may cut it short. */
  readonly total: number;
}

/** Steps of a run: whole batches an epoch, the rest of the images is left for another epoch's order. */
export function stepCounts({ optimizer, schedule }: ResolvedExperiment, imageCount: number): StepCounts {
  const perEpoch = Math.floor(imageCount / optimizer.batch_size);
  const scheduled = Math.max(1, Math.round(schedule.epochs * perEpoch));
  return { perEpoch, scheduled, total: Math.min(scheduled, schedule.max_steps ?? scheduled) };
}

/** One line a subject: `learning rate  0.0006 = blr 0.00015 · 1024 / 256; …`. */
export function resolvedSummary(resolved: ResolvedExperiment, { imageCount, teacher }: SummaryContext = {}): string[] {
  const rows: [string, string][] = [
    ['method', resolved.method],
    ['student', describeVit(resolved.student)],
    ...methodRows(resolved, teacher),
    ['batch', describeBatch(resolved)],
    ['learning rate', describeRate(resolved)],
    ['schedule', describeSchedule(resolved, imageCount)],
    ...(resolved.engine.precision === 'float16' ? [['precision', 'products of float16, the loss scaled'] as [string, string]] : []),
    ['cost', describeCost(resolved, teacher)],
  ];
  const labelWidth = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(labelWidth)}  ${text}`);
}

function methodRows(resolved: ResolvedExperiment, teacher: VitShape | undefined): [string, string][] {
  const { method, alignment, masking, decoder, reconstruction, codebook, derived, teacher: config } = resolved;
  const source = config?.checkpoint ?? `moving average of the student, momentum ${config?.ema?.momentum} to ${config?.ema?.momentum_end}`;
  const rows: [string, string][] = [];
  const computed = config?.dtype === 'int8' ? ', computed in int8' : '';
  if (readsTeacher(resolved)) rows.push(['teacher', teacher ? `${source}: ${describeVit(teacher)}${computed}` : source + computed]);
  if (hidesPatches(method)) rows.push(['masking', describeMasking(resolved)]);
  if (method === 'maskalign') rows.push(['alignment', `levels ${derived.levels}, fusion ${alignment.fusion}, adaptor ${alignment.adaptor}, targets ${alignment.target_norm}, loss ${alignment.loss}, ${alignment.order}`]);
  if (decoder) {
    const { depth, width, heads, kept_mask_ratio: share } = decoder;
    const some = share === undefined ? '' : `; predicts ${predictedCount(derived.patchCount, derived.keepCount, masking.ratio, share)} of ${derived.patchCount - derived.keepCount} hidden patches`;
    rows.push(['decoder', `${depth} blocks, width ${width}, ${heads} heads${some}`]);
  }
  if (codebook) rows.push(['predicts', `codes of a codebook of ${codebook.size}, learnt from the teacher’s last features, targets ${reconstruction?.target_norm}`]);
  else if (reconstruction) rows.push(['predicts', describeTarget(reconstruction)]);
  return rows;
}

function describeMasking(resolved: ResolvedExperiment): string {
  const { masking, derived } = resolved;
  const ratios = stageRatios(masking);
  const counts = ratios.map((ratio) => (ratios.length === 1 ? derived : atRatio(resolved, ratio).derived).keepCount);
  const thrown = masking.throw_ratio === undefined ? '' : `, ${masking.throw_ratio} thrown away`;
  return `${masking.strategy}, ratio ${ratios.join(', ')}${thrown}: keeps ${counts.join(', ')} of ${derived.patchCount} patches`;
}

function describeTarget({ norm_pix: normPix, target_norm: targetNorm, hog_bins: bins, hog_cell: cell, average_top_k: topK, return_layer: pairs, project, loss }: NonNullable<ResolvedExperiment['reconstruction']>): string {
  const projected = project ? ', projected as CLIP does' : '';
  if (bins !== undefined) return `histograms of gradients, ${bins} orientations, cells of ${cell} px, loss ${loss}`;
  if (pairs !== undefined) return `the teacher’s last ${pairs} blocks, one to one${projected}, targets ${targetNorm}, loss ${loss}`;
  const target = normPix === undefined ? `the teacher’s ${topK === undefined ? 'last features' : `last ${topK} blocks, their mean`}${projected}, targets ${targetNorm}` : `pixels${normPix ? ', each patch normalised' : ''}`;
  return `${target}, loss ${loss}`;
}

function describeVit({ imageSize, patchSize, width, depth, heads, dropPath }: VitShape): string {
  const stochastic = dropPath > 0 ? `, drop-path ${dropPath}` : '';
  return `ViT, width ${width}, ${depth} blocks, ${heads} heads, patch ${patchSize} at ${imageSize} px${stochastic}`;
}

function describeBatch({ optimizer, derived }: ResolvedExperiment): string {
  const split = optimizer.accumulate > 1 ? ` = ${optimizer.accumulate} × ${derived.microBatch}` : '';
  return `${optimizer.batch_size} images a step${split}`;
}

function describeRate({ optimizer, schedule, derived }: ResolvedExperiment): string {
  const origin = optimizer.lr === undefined ? ` = blr ${optimizer.blr} · ${optimizer.batch_size} / 256` : '';
  return `${round(derived.learningRate)}${origin}; warm-up ${round(schedule.warmup_epochs)} epochs, half-cosine to ${schedule.min_lr}`;
}

function describeSchedule(resolved: ResolvedExperiment, imageCount: number | undefined): string {
  const { epochs } = resolved.schedule;
  if (imageCount === undefined) return `${epochs} epochs`;
  const { perEpoch, total } = stepCounts(resolved, imageCount);
  return `${epochs} epochs of ${perEpoch} steps (${imageCount} images): ${total} steps`;
}

function describeCost(resolved: ResolvedExperiment, teacher: VitShape | undefined): string {
  const cost = gmacPerImage(resolved, teacher);
  const taught = readsTeacher(resolved);
  const shares = [`student ${round(cost.student)}`, ...(cost.heads > 0 ? [`${headsName(resolved)} ${round(cost.heads)}`] : []), ...(taught ? [`teacher ${round(cost.teacher)} forward`] : [])];
  const parts = shares.length > 1 ? ` (${shares.join(', ')})` : '';
  const assumed = taught && !teacher && !resolved.teacher?.ema ? ', the teacher taken to be as large as the student' : '';
  return `${round(cost.step)} GMAC an image and step${parts}${assumed}`;
}

/** What follows the student. */
export function headsName({ method, decoder }: ResolvedExperiment): string {
  if (method === 'ijepa') return 'predictor';
  if (method === 'umt') return 'heads';
  if (method === 'cae') return 'regressor and decoder';
  return method === 'maskalign' ? 'adaptors' : decoder ? 'decoder' : 'head';
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}

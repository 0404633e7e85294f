/** Sections that only some methods have, with every value filled in. */
import { methodDefaults } from './method-defaults';
import { type MethodName, hasDecoder, methodTraits, predicts } from './method-traits';
import type { DecoderShape, Experiment, ReconstructionConfig, VitShape } from './schema';

/** Students from this width on get the official decoder, which was made for ViT-B and larger. */
const OFFICIAL_WIDTH = 768;

/** For smaller students: 8 blocks behind 12 would cost more than what they serve. */
const SMALL_DECODER_SHARE = 1 / 3;

/** Undefined for a method without a transformer decoder. */
export function resolveDecoder(method: MethodName, written: Experiment['decoder'], student: VitShape): DecoderShape | undefined {
  if (!hasDecoder(method)) return undefined;
  const { width, depth, heads } = student;
  const scaled = { depth: Math.max(1, Math.round(depth * SMALL_DECODER_SHARE)), width, heads };
  const { kept_mask_ratio: predictedShare, ...official }: DecoderShape = methodDefaults[method].decoder ?? scaled;
  const { kept_mask_ratio: writtenShare = predictedShare, ...sizes } = written ?? {};
  const shape = { ...(width >= OFFICIAL_WIDTH ? official : scaled), ...sizes };
  return predictedShare === undefined || writtenShare === undefined ? shape : { ...shape, kept_mask_ratio: writtenShare };
}

/** Undefined for a method that predicts nothing; keys of another kind of target are left out. */
export function resolveReconstruction(method: MethodName, written: NonNullable<Experiment['reconstruction']>, { patchSize, depth }: Pick<VitShape, 'patchSize' | 'depth'>): ReconstructionConfig | undefined {
  const defaults = methodDefaults[method].reconstruction;
  if (!predicts(method) || !defaults) return undefined;
  const loss = written.loss ?? defaults.loss;
  const { target } = methodTraits[method];
  if (target === 'pixels') return { norm_pix: written.norm_pix ?? defaults.norm_pix ?? false, loss };
  if (target === 'hog') return { hog_bins: written.hog_bins ?? defaults.hog_bins, hog_cell: written.hog_cell ?? halfPatch(patchSize), loss };
  const normalised = { target_norm: written.target_norm ?? defaults.target_norm ?? 'none', loss, ...(written.project && target !== 'teacher-average' && { project: true }) };
  const half = Math.max(1, Math.round(depth / 2));
  if (target === 'teacher-last-levels') return { return_layer: written.return_layer ?? half, ...normalised };
  return target === 'teacher-average' ? { average_top_k: written.average_top_k ?? half, ...normalised } : normalised;
}

/** A whole patch where it has no half. */
function halfPatch(patchSize: number): number {
  return patchSize % 2 === 0 ? patchSize / 2 : patchSize;
}

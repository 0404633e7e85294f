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
  const official = methodDefaults[method].decoder;
  return { ...(official && width >= OFFICIAL_WIDTH ? official : scaled), ...written };
}

/** Undefined for a method that predicts neither pixels nor features; a key of the other kind is left out. */
export function resolveReconstruction(method: MethodName, written: Experiment['reconstruction'] = {}): ReconstructionConfig | undefined {
  const defaults = methodDefaults[method].reconstruction;
  if (!predicts(method) || !defaults) return undefined;
  const loss = written.loss ?? defaults.loss;
  if (methodTraits[method].target === 'pixels') return { norm_pix: written.norm_pix ?? defaults.norm_pix ?? false, loss };
  return { target_norm: written.target_norm ?? defaults.target_norm ?? 'none', loss };
}

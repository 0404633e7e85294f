/**
 * What kind of thing each method is, by the division of the MaskAlign paper (its Figure 1): inpainting-style methods put
 * mask tokens into the encoder, decoder-style ones give the encoder the visible patches and reconstruct behind it,
 * alignment reconstructs nothing. Checks, costs, summaries and pictures follow from these traits.
 */

export const METHODS = ['maskalign', 'supervised', 'mae', 'simmim', 'feature_distillation', 'feature_inpainting', 'milan', 'crossmae', 'maskfeat', 'data2vec', 'ijepa', 'beit', 'cae', 'umt'] as const;
export type MethodName = (typeof METHODS)[number];

export interface MethodTraits {
  /** One line for whoever chooses among them. */
  readonly says: string;
  readonly paradigm: 'alignment' | 'inpainting' | 'decoder' | 'distillation' | 'classification';
  /** What the encoder sees: the visible patches, all with mask tokens in place of the hidden ones, or the whole image. */
  readonly encoder: 'visible' | 'replaced' | 'whole';
  /** What stands between the encoder and the loss. */
  readonly decoder: 'adaptors' | 'linear' | 'self' | 'prompt' | 'cross' | 'predictor' | 'regressor' | 'level-heads';
  readonly target: 'teacher-levels' | 'teacher-last-levels' | 'teacher-features' | 'teacher-average' | 'teacher-codes' | 'pixels' | 'hog' | 'labels';
}

export const methodTraits: Readonly<Record<MethodName, MethodTraits>> = {
  maskalign: { says: 'masked pretraining by alignment: visible tokens learn a teacher’s features, nothing is reconstructed', paradigm: 'alignment', encoder: 'visible', decoder: 'adaptors', target: 'teacher-levels' },
  supervised: { says: 'a classifier trained from scratch, to serve as a teacher', paradigm: 'classification', encoder: 'whole', decoder: 'linear', target: 'labels' },
  mae: { says: 'decoder-style: the encoder sees visible patches, a transformer decoder reconstructs the pixels of the others', paradigm: 'decoder', encoder: 'visible', decoder: 'self', target: 'pixels' },
  simmim: { says: 'inpainting-style: mask tokens enter the encoder, a linear head reconstructs pixels', paradigm: 'inpainting', encoder: 'replaced', decoder: 'linear', target: 'pixels' },
  feature_distillation: { says: 'no mask: every token learns the teacher’s last features (FD)', paradigm: 'distillation', encoder: 'whole', decoder: 'linear', target: 'teacher-features' },
  feature_inpainting: { says: 'inpainting-style: mask tokens enter the encoder, a linear head predicts the teacher’s last features (MVP, EVA)', paradigm: 'inpainting', encoder: 'replaced', decoder: 'linear', target: 'teacher-features' },
  milan: { says: 'decoder-style: attentive masks, a prompting decoder predicts the teacher’s last features', paradigm: 'decoder', encoder: 'visible', decoder: 'prompt', target: 'teacher-features' },
  crossmae: { says: 'decoder-style: a decoder without self-attention, whose mask tokens ask the encoder’s blocks, reconstructs the pixels of some hidden patches', paradigm: 'decoder', encoder: 'visible', decoder: 'cross', target: 'pixels' },
  maskfeat: { says: 'inpainting-style: mask tokens enter the encoder, a linear head predicts histograms of oriented gradients (HOG)', paradigm: 'inpainting', encoder: 'replaced', decoder: 'linear', target: 'hog' },
  data2vec: { says: 'inpainting-style: mask tokens enter the encoder, a linear head predicts the mean of the last blocks of the student’s own moving average', paradigm: 'inpainting', encoder: 'replaced', decoder: 'linear', target: 'teacher-average' },
  ijepa: { says: 'decoder-style: the encoder sees a context, a narrow predictor says what its own moving average makes of several target blocks (I-JEPA)', paradigm: 'decoder', encoder: 'visible', decoder: 'predictor', target: 'teacher-features' },
  beit: { says: 'inpainting-style: mask tokens enter the encoder, a linear head classifies hidden patches by a codebook learnt from a teacher’s features', paradigm: 'inpainting', encoder: 'replaced', decoder: 'linear', target: 'teacher-codes' },
  cae: { says: 'decoder-style: a regressor makes latents of masked patches, aligned with the encoder’s own, and a decoder predicts the teacher’s last features from them alone', paradigm: 'decoder', encoder: 'visible', decoder: 'regressor', target: 'teacher-features' },
  umt: { says: 'alignment of the last blocks one to one, without mixing: visible patches learn a teacher’s normed features (UMT, for images)', paradigm: 'alignment', encoder: 'visible', decoder: 'level-heads', target: 'teacher-last-levels' },
};

/** Whether patches are hidden from the student. */
export function hidesPatches(method: MethodName): boolean {
  return methodTraits[method].encoder !== 'whole';
}

/** Whether the method's targets are a teacher's, frozen or averaged. */
export function needsTeacher(method: MethodName): boolean {
  return methodTraits[method].target.startsWith('teacher');
}

/** Whether the choice of patches reads a teacher's attention. */
export function readsAttention(strategy: string): boolean {
  return strategy.startsWith('attentive') || strategy.startsWith('top');
}

/** Whether a teacher is read, for targets or, in MAE with AMT's masks, for its attention alone. */
export function readsTeacher({ method, masking }: { readonly method: MethodName; readonly masking: { readonly strategy: string } }): boolean {
  return needsTeacher(method) || (method === 'mae' && readsAttention(masking.strategy));
}

/** Whether a transformer decoder, sized by the section `decoder`, follows the encoder. */
export function hasDecoder(method: MethodName): boolean {
  return ['self', 'prompt', 'cross', 'predictor', 'regressor'].includes(methodTraits[method].decoder);
}

/** Whether something is predicted that the section `reconstruction` describes. */
export function predicts(method: MethodName): boolean {
  return ['pixels', 'hog', 'teacher-features', 'teacher-last-levels', 'teacher-average', 'teacher-codes'].includes(methodTraits[method].target);
}

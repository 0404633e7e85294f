/**
 * Layer-wise learning-rate decay (Clark et al. 2020) with the groups of MAE's fine-tuning (util/lr_decay.py): N blocks make
 * N+2 layers, of which layer l is trained at decay^(N+1−l) of the learning rate. Layer 0 is whatever comes before the blocks,
 * block i (from 0) is layer i+1, and what is new (`fc_norm`, `head`) is layer N+1, at the whole rate.
 */

/** CLS token, registers, patch embedding and, of CLIP, the norm behind them. */
const EMBEDDING = /^(cls_token|reg_token|patch_embed\.|norm_pre\.)/;
const BLOCK = /^blocks\.(\d+)\./;

/**
 * Share of the learning rate of a parameter.
 * @param name timm's
 * @param depth N
 * @param decay in (0, 1]; official: 0.65 for MAE's ViT-B, 0.55 for MaskAlign's
 */
export function layerDecayScale(name: string, depth: number, decay: number): number {
  return decay ** (depth + 1 - layerOf(name, depth));
}

function layerOf(name: string, depth: number): number {
  if (EMBEDDING.test(name)) return 0;
  const block = BLOCK.exec(name)?.[1];
  return block === undefined ? depth + 1 : Number(block) + 1;
}

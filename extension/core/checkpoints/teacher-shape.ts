/** What one must know beside the weights to run a vision transformer: its dimensions and the habits of its family. */
import type { NamedSpecs } from '../tensors';
import type { VitShape } from '../config/schema';

export type Rgb = readonly [number, number, number];

export const IMAGENET_MEAN: Rgb = [0.485, 0.456, 0.406];
export const IMAGENET_STD: Rgb = [0.229, 0.224, 0.225];
export const CLIP_MEAN: Rgb = [0.48145466, 0.4578275, 0.40821073];
export const CLIP_STD: Rgb = [0.26862954, 0.26130258, 0.27577711];

export interface TeacherShape extends VitShape {
  /** Register tokens R between CLS and the patches; 0 where the family has none. */
  readonly registers: number;
  /** A LayerNorm on the embeddings before the first block (`norm_pre`; CLIP). */
  readonly prenorm: boolean;
  /** Whether `patch_embed.proj.bias` exists (CLIP has none). */
  readonly patchBias: boolean;
  /** Whether the residual branches are scaled by `ls1.gamma` and `ls2.gamma` (DINOv2). */
  readonly layerScale: boolean;
  /**
   * Whether attention adds a learnt bias by how far two tokens are apart, `attn.rel_pos_bias` [H, 1+L, 1+L] of each block (BEiT, SimMIM).
   * The position table is then zero unless the file has one.
   */
  readonly relativePositions: boolean;
  readonly activation: 'gelu' | 'quick_gelu';
  /** Epsilon of every LayerNorm. */
  readonly normEps: number;
  /** `swiglu`: `fc1` holds gate and value, [2·hidden, D], and `fc2(silu(gate)·value)`; the activation is not used. */
  readonly mlp: 'mlp' | 'swiglu';
  /** Numbers of a token behind CLIP's projection into the space of images and texts, `head.weight` [E, D]; absent unless its features are wanted. */
  readonly projection?: number;
  /** The normalisation of the images it was trained with, in units of [0, 1] pixels. */
  readonly imageMean: Rgb;
  readonly imageStd: Rgb;
}

/** The plain pre-LN ViT of this product's students: biases everywhere, GELU, LayerNorm eps 1e-6. */
export function plainVit(shape: VitShape, imageMean: Rgb = IMAGENET_MEAN, imageStd: Rgb = IMAGENET_STD): TeacherShape {
  const { imageSize, patchSize, width, depth, heads, mlpRatio, dropPath } = shape;
  return {
    imageSize, patchSize, width, depth, heads, mlpRatio, dropPath,
    registers: 0, prenorm: false, patchBias: true, layerScale: false, relativePositions: false, activation: 'gelu', normEps: 1e-6, mlp: 'mlp', imageMean, imageStd,
  };
}

/**
 * The tensors of the encoder under timm's names, exactly those a strict load expects without a head, unless it is the projection that is wanted.
 *
 * `pos_embed` is [1, 1+L, D]; with registers it is [1, L, D] and the position of CLS is part of `cls_token`,
 * as timm keeps DINOv2 with registers.
 */
export function timmSpecs(shape: TeacherShape): NamedSpecs {
  const { width, depth, patchSize, registers } = shape;
  const patches = (shape.imageSize / patchSize) ** 2;
  const hidden = Math.round(width * shape.mlpRatio);
  const specs: NamedSpecs = {};
  const add = (name: string, ...sizes: number[]): void => {
    specs[name] = { shape: sizes, dtype: 'float32' };
  };
  const addNorm = (name: string): void => {
    add(`${name}.weight`, width);
    add(`${name}.bias`, width);
  };

  add('cls_token', 1, 1, width);
  if (registers > 0) add('reg_token', 1, registers, width);
  add('pos_embed', 1, registers > 0 ? patches : 1 + patches, width);
  add('patch_embed.proj.weight', width, 3, patchSize, patchSize);
  if (shape.patchBias) add('patch_embed.proj.bias', width);
  if (shape.prenorm) addNorm('norm_pre');
  for (let block = 0; block < depth; block++) {
    const prefix = `blocks.${block}`;
    addNorm(`${prefix}.norm1`);
    add(`${prefix}.attn.qkv.weight`, 3 * width, width);
    add(`${prefix}.attn.qkv.bias`, 3 * width);
    if (shape.relativePositions) add(`${prefix}.attn.rel_pos_bias`, shape.heads, 1 + patches, 1 + patches);
    add(`${prefix}.attn.proj.weight`, width, width);
    add(`${prefix}.attn.proj.bias`, width);
    if (shape.layerScale) add(`${prefix}.ls1.gamma`, width);
    addNorm(`${prefix}.norm2`);
    const inner = shape.mlp === 'swiglu' ? 2 * hidden : hidden;
    add(`${prefix}.mlp.fc1.weight`, inner, width);
    add(`${prefix}.mlp.fc1.bias`, inner);
    add(`${prefix}.mlp.fc2.weight`, width, hidden);
    add(`${prefix}.mlp.fc2.bias`, width);
    if (shape.layerScale) add(`${prefix}.ls2.gamma`, width);
  }
  addNorm('norm');
  if (shape.projection !== undefined) add('head.weight', shape.projection, width);
  return specs;
}

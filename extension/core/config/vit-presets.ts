/** Named sizes of vision transformers: `vit_tiny_patch4`, with any patch size. */
import { closest } from './suggest';
import type { VitShape } from './schema';

type Size = Pick<VitShape, 'width' | 'depth' | 'heads' | 'dropPath'>;

/**
 * tiny … large are those of ViT and DeiT; nano and micro are ours, for images of 32 pixels and a processor.
 * Drop-path: the official MaskAlign recipe for base and large; smaller models are not regularised by it.
 */
const sizes: Readonly<Record<string, Size>> = {
  nano: { width: 96, depth: 6, heads: 3, dropPath: 0 },
  micro: { width: 128, depth: 8, heads: 4, dropPath: 0 },
  tiny: { width: 192, depth: 12, heads: 3, dropPath: 0 },
  small: { width: 384, depth: 12, heads: 6, dropPath: 0 },
  base: { width: 768, depth: 12, heads: 12, dropPath: 0.1 },
  large: { width: 1024, depth: 24, heads: 16, dropPath: 0.2 },
};

export const vitSizeNames: readonly string[] = Object.keys(sizes);

export const MLP_RATIO = 4;

export function vitPreset(name: string): Omit<VitShape, 'imageSize'> | undefined {
  const [, sizeName = '', patch = ''] = /^vit_([a-z]+)_patch([1-9]\d{0,3})$/.exec(name) ?? [];
  const size = Object.hasOwn(sizes, sizeName) ? sizes[sizeName] : undefined;
  return size && { patchSize: Number(patch), ...size, mlpRatio: MLP_RATIO };
}

/** The preset a wrong name was probably meant to be (`mae_vit_base_patch16_224` → `vit_base_patch16`). */
export function suggestVitPreset(name: string): string | undefined {
  const patch = /patch_?(\d{1,4})|\/(\d{1,4})/i.exec(name.slice(0, 100));
  const patchSize = patch?.[1] ?? patch?.[2] ?? '16';
  const words = name.slice(0, 100).toLowerCase().split(/[^a-z]+/);
  const size = vitSizeNames.find((candidate) => words.includes(candidate)) ?? words.map((word) => closest(word, vitSizeNames)).find((candidate) => candidate);
  return size && Number(patchSize) > 0 ? `vit_${size}_patch${Number(patchSize)}` : undefined;
}

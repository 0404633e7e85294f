/** The shapes that are measured on a GPU: students and teachers of one size, patch 4 at 32 pixels and patch 16 at 224. */
import type { StepSize } from './step-case';

const encoders = {
  'ViT-Ti': { width: 192, depth: 12, heads: 3 },
  'ViT-S': { width: 384, depth: 12, heads: 6 },
  'ViT-B': { width: 768, depth: 12, heads: 12 },
};

const images = {
  32: { imageSize: 32, patchSize: 4, batch: 256 },
  224: { imageSize: 224, patchSize: 16, batch: 64 },
};

/** `ViT-B 224` and so on. */
export const gpuSizes: Readonly<Record<string, StepSize>> = Object.fromEntries(
  Object.values(images).flatMap((image) => Object.entries(encoders).map(([name, encoder]) => [`${name} ${image.imageSize}`, { ...image, ...encoder }])),
);

/** The tensors of the product's files are those of timm's models, key by key (fixtures/timm_keys.py). */
import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exportTimm } from '../../extension/core/checkpoints/export-timm';
import { readSafetensors } from '../../extension/core/checkpoints/safetensors';
import { plainVit, timmSpecs } from '../../extension/core/checkpoints/teacher-shape';
import type { TeacherShape } from '../../extension/core/checkpoints/teacher-shape';
import { vitPreset } from '../../extension/core/config/vit-presets';
import type { NamedSpecs, NamedTensors } from '../../extension/core/tensors';
import { float32 } from '../../extension/core/tensors';
import { vitSpecs } from '../../extension/training/nn/vit';

const golden = JSON.parse(readFileSync(new URL('fixtures/timm-keys.json', import.meta.url), 'utf8')) as {
  readonly cases: Readonly<Record<string, { readonly tensors: Readonly<Record<string, readonly number[]>> }>>;
};

const tiny = plainVit({ ...vitPreset('vit_tiny_patch4')!, imageSize: 32 });
const small = { imageSize: 56, patchSize: 14, width: 384, depth: 2, heads: 6, mlpRatio: 4, dropPath: 0 };
const dinov2: TeacherShape = { ...plainVit(small), layerScale: true };

const shapes: Readonly<Record<string, { shape: TeacherShape; head?: number }>> = {
  tiny: { shape: tiny },
  'tiny with a head': { shape: { ...tiny, depth: 1 }, head: 10 },
  dinov2: { shape: dinov2 },
  'dinov2 with registers': { shape: { ...dinov2, registers: 4 } },
  'dinov2 giant': { shape: { ...dinov2, width: 96, depth: 1, heads: 2, mlpRatio: 256 / 96, mlp: 'swiglu' } },
  clip: { shape: { ...plainVit({ ...small, imageSize: 64, patchSize: 16, width: 768, heads: 12 }), prenorm: true, patchBias: false, activation: 'quick_gelu', normEps: 1e-5 } },
};

function sizes(specs: NamedSpecs): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(specs).map(([name, { shape }]) => [name, shape]));
}

describe.each(Object.entries(shapes))('the tensors of %s', (name, { shape, head }) => {
  const { tensors: expected } = golden.cases[name]!;
  const headSpecs: NamedSpecs = head ? { 'head.weight': { shape: [head, shape.width], dtype: 'float32' }, 'head.bias': { shape: [head], dtype: 'float32' } } : {};

  it('are those of timm, no more and no fewer', () => {
    expect(sizes({ ...timmSpecs(shape), ...headSpecs })).toEqual(expected);
  });

  it('are all that an exported file holds', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mim-export-'));
    try {
      const tensors: NamedTensors = { mask_token: float32([1, 1, shape.width]) };
      for (const [key, spec] of Object.entries({ ...timmSpecs(shape), ...headSpecs })) tensors[key] = float32(spec.shape);
      const file = join(folder, 'model.safetensors');
      await exportTimm(file, tensors, shape, { head: head !== undefined });
      const exported = await readSafetensors(file);
      expect(sizes(exported.tensors)).toEqual(expected);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

it('a student has the tensors of timm’s model, its fixed positions aside', () => {
  const { pos_embed: positions, ...trained } = golden.cases['tiny']!.tensors;
  expect(positions).toEqual([1, 65, 192]);
  expect(sizes(vitSpecs(tiny))).toEqual(trained);
});

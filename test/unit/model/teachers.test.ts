import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { plainVit } from '../../../extension/core/checkpoints/teacher-shape';
import { UserError } from '../../../extension/core/problems';
import { float32 } from '../../../extension/core/tensors';
import { bicubicMatrix } from '../../../extension/training/bicubic';
import { prepareTeacher, resizePositions } from '../../../extension/training/teachers/prepare';
import { MICRO_STUDENT, randomTeacher } from './experiments';

interface BicubicCase { signal: number[]; outputs: number; antialias: boolean; resized: number[] }

const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

describe('bicubic resizing', () => {
  const cases = JSON.parse(readFileSync(new URL('../../parity/fixtures/bicubic.json', import.meta.url), 'utf8')) as BicubicCase[];

  it.each(cases.map((fixture) => [fixture.signal.length, fixture.outputs, fixture.antialias, fixture] as const))('from %i to %i samples (antialias %s) is PyTorch’s', (inputs, outputs, antialias, { signal, resized }) => {
    const weights = bicubicMatrix(inputs, outputs, antialias ? { a: -0.5, antialias } : { a: -0.75, antialias });
    resized.forEach((value, out) => {
      const sum = signal.reduce((total, sample, at) => total + sample * weights[out * inputs + at]!, 0);
      expect(sum).toBeCloseTo(value, 6);
    });
  });

  it('keeps a constant, whatever the sizes', () => {
    for (const [inputs, outputs] of [[3, 11], [16, 14], [14, 3], [1, 4]] as const) {
      const weights = bicubicMatrix(inputs, outputs, { a: -0.75, antialias: false });
      for (let out = 0; out < outputs; out++) expect(weights.subarray(out * inputs, (out + 1) * inputs).reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
    }
  });
});

describe('a position table', () => {
  it('of the right grid is left alone', () => {
    const table = float32([1, 17, 2], Float32Array.from({ length: 34 }, (_, i) => i));
    expect(resizePositions(table, 4)).toBe(table);
  });

  it('keeps its CLS row and its orientation when resized', () => {
    // Channel 0 counts columns, channel 1 rows.
    const rows = [[-5, -7], ...Array.from({ length: 16 }, (_, i) => [i % 4, Math.floor(i / 4)])];
    const { shape, data } = resizePositions(float32([1, 17, 2], Float32Array.from(rows.flat())), 8);
    expect(shape).toEqual([1, 65, 2]);
    expect(Array.from(data.subarray(0, 2))).toEqual([-5, -7]);
    const at = (y: number, x: number): number[] => Array.from(data.subarray((1 + 8 * y + x) * 2, (1 + 8 * y + x) * 2 + 2));
    expect(at(2, 5)[0]).toBeGreaterThan(at(2, 4)[0]!);
    expect(at(2, 5)[1]).toBeCloseTo(at(2, 4)[1]!, 5);
    expect(at(5, 2)[1]).toBeGreaterThan(at(4, 2)[1]!);
  });
});

describe('fitting a teacher to a student', () => {
  it('leaves one of the same grid, size and normalisation as it is', () => {
    const teacher = randomTeacher();
    const { tensors, shape } = prepareTeacher(teacher, MICRO_STUDENT, IMAGENET);
    expect(shape.imageSize).toBe(16);
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(teacher.tensors).sort());
  });

  it('makes CLIP-L/14 beside a student of 224/16 the official 196-pixel teacher', () => {
    const shape = { ...plainVit({ imageSize: 224, patchSize: 14, width: 4, depth: 1, heads: 1, mlpRatio: 1, dropPath: 0 }) };
    const prepared = prepareTeacher({ tensors: { pos_embed: float32([1, 257, 4]) }, shape }, { ...MICRO_STUDENT, imageSize: 224, patchSize: 16 }, IMAGENET);
    expect(prepared.shape.imageSize).toBe(196);
    expect(prepared.tensors['pos_embed']!.shape).toEqual([1, 197, 4]);
    expect(prepared.tensors['image_resize']!.shape).toEqual([196, 224]);
  });

  it('says what does not fit', () => {
    const refused = (run: () => unknown): string => {
      try {
        run();
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        return (error as UserError).message;
      }
      throw new Error('nothing was thrown');
    };
    expect(refused(() => prepareTeacher(randomTeacher(), { ...MICRO_STUDENT, imageSize: 18 }, IMAGENET))).toContain('18 is not a multiple of its patch size 4');
    expect(refused(() => prepareTeacher(randomTeacher({ heads: 5 }), MICRO_STUDENT, IMAGENET))).toContain('not divisible by its 5 heads');
    expect(refused(() => resizePositions(float32([1, 19, 2]), 4))).toContain('19 rows');
  });
});

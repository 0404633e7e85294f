/** Checkpoints as the authors of MAE, MaskAlign and SimMIM save them; see fixtures/official.py. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importTeacher, type ImportedTeacher } from '../../../extension/core/checkpoints/import-teacher';
import { float32 } from '../../../extension/core/tensors';
import { createEngine } from '../../../extension/training/engines/create';
import { teacherFeatureProgram } from '../../../extension/training/evaluation/encoders';
import { exportOnnx } from '../../../extension/training/export/export-onnx';
import { initialStudent } from '../../../extension/training/initial-student';
import { vitSpecs } from '../../../extension/training/nn/vit';
import { prepareTeacher } from '../../../extension/training/teachers/prepare';
import { runTeacher } from '../../../extension/training/teachers/teacher';
import { resolvedOf } from '../config/experiment-of';

interface Expected {
  readonly keys: readonly string[];
  readonly cls: readonly number[];
  readonly mean: readonly number[];
}

const fixtures = fileURLToPath(new URL('fixtures/', import.meta.url));
const expected = JSON.parse(readFileSync(path.join(fixtures, 'official.json'), 'utf8')) as Record<string, Expected>;
const fileOf = (name: string): string => path.join(fixtures, 'official', `${name}.pth`);
const imported = (name: string): Promise<ImportedTeacher> => importTeacher(fileOf(name), { heads: 2 });
const images = float32([2, 3, 12, 12], Float32Array.from({ length: 2 * 3 * 12 * 12 }, (_, i) => Math.sin(0.7 * i)));
const student = { imageSize: 12, patchSize: 4, width: 8, depth: 2, heads: 2, mlpRatio: 4, dropPath: 0 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-official-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
}

describe.each(Object.keys(expected))('%s.pth', (name) => {
  it('computes what its authors’ model computes', async () => {
    const teacher = await imported(name);
    const { engine } = await createEngine({ kind: 'tfjs-cpu', threads: 1 });
    const compiled = await engine.compile(teacherFeatureProgram(teacher, 12, 2));
    const [features] = await compiled.run(engine.createState({}), [{ images }]);
    await engine.dispose();
    for (const kind of ['cls', 'mean'] as const) expect(largestDifference(features![kind]!.data, expected[name]![kind]), kind).toBeLessThan(1e-5);
  });

  it('has every key accounted for', async () => {
    const { report } = await imported(name);
    expect([...new Set([...report.used, ...report.ignored])].sort()).toEqual([...expected[name]!.keys].sort());
    const beside = /^(mask_token|decoder|head\.|clip_model\.|distill_|encoder\.mask_token)|relative_position_index$/;
    expect(report.ignored.filter((key) => !beside.test(key))).toEqual([]);
    expect(report.missing).toEqual(name.startsWith('simmim') ? ['pos_embed'] : []);
    expect(report.format).toBe(name.startsWith('simmim') ? 'simmim' : 'timm');
  });

  it('leaves as an ONNX model that computes the same', async () => {
    const { tensors, shape } = await imported(name);
    const { difference } = await exportOnnx(path.join(folder, `${name}.onnx`), tensors, shape, name);
    expect(Math.max(difference.cls, difference.mean)).toBeLessThan(1e-5);
  });
});

describe('as initial students', () => {
  const startingFrom = (name: string) => initialStudent({ init: { checkpoint: fileOf(name) }, student });

  it.each(['mae_pretrain', 'mae_checkpoint', 'mae_finetuned', 'maskalign_checkpoint'])('%s gives every tensor that is trained', async (name) => {
    const { tensors } = await imported(name);
    const started = (await startingFrom(name))!;
    expect(Object.keys(started).sort()).toEqual(Object.keys(vitSpecs(student)).sort());
    for (const [key, tensor] of Object.entries(started)) expect(tensor.data, key).toEqual(tensors[key]!.data);
  });

  it('SimMIM’s relative positions are told to have no place in a student', async () => {
    await expect(startingFrom('simmim_pretrain')).rejects.toMatchObject({ code: 'MIM8006', message: expect.stringContaining('relative positions') as string });
  });
});

describe('as teachers', () => {
  it('relative positions reach the last block whatever patches are chosen', async () => {
    const teacher = prepareTeacher(await imported('simmim_pretrain'), student, { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] });
    const { engine } = await createEngine({ kind: 'tfjs-cpu', threads: 1 });
    const program = (levels: readonly number[], hidden: boolean) => ({
      name: 'targets', state: {}, constants: teacher.tensors, batch: { images: { shape: images.shape, dtype: 'float32' as const } },
      run: ({ constants, batch }: { constants: Parameters<typeof runTeacher>[0]; batch: Parameters<typeof runTeacher>[0] }) => {
        const result = runTeacher(constants, teacher.shape, batch['images']!, { levels, scores: hidden, keep: () => undefined });
        return { state: {}, readings: { target: result.targets.at(-1)!, ...(result.scores && { scores: result.scores }) } };
      },
    });
    const run = async (hidden: boolean) => (await (await engine.compile(program([1], hidden))).run(engine.createState({}), [{ images }]))[0]!;
    const [plain, scored] = [await run(false), await run(true)];
    expect(largestDifference(plain['target']!.data, scored['target']!.data)).toBeLessThan(1e-6);
    // Its CLS rows, normed, are the features that the authors' model computes.
    const { tensors } = await imported('simmim_pretrain');
    const [weight, bias] = [tensors['norm.weight']!.data, tensors['norm.bias']!.data];
    const row = Array.from(scored['target']!.data.slice(0, 8));
    const mean = row.reduce((sum, value) => sum + value, 0) / 8;
    const deviation = Math.sqrt(row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 8 + 1e-6);
    const normed = row.map((value, i) => ((value - mean) / deviation) * weight[i]! + bias[i]!);
    expect(largestDifference(normed, expected['simmim_pretrain']!.cls.slice(0, 8))).toBeLessThan(1e-5);
    await engine.dispose();
  });

  it('relative positions need the grid they were learnt on', async () => {
    const teacher = await imported('simmim_finetuned');
    expect(() => prepareTeacher(teacher, { ...student, imageSize: 16 }, { mean: [0, 0, 0], std: [1, 1, 1] })).toThrow(expect.objectContaining({ code: 'MIM3304' }));
  });

  it('their format can be named', () => {
    expect(resolvedOf('teacher: { checkpoint: simmim.pth, format: simmim }').teacher?.format).toBe('simmim');
  });
});

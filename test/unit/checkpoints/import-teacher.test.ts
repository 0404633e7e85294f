import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportTimm } from '../../../extension/core/checkpoints/export-timm';
import { importTeacher, type ImportOptions } from '../../../extension/core/checkpoints/import-teacher';
import { readSafetensors, writeSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, plainVit, timmSpecs, type TeacherShape } from '../../../extension/core/checkpoints/teacher-shape';
import { vitMetadata } from '../../../extension/core/checkpoints/vit-metadata';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { float32, int32, type NamedTensors } from '../../../extension/core/tensors';
import { namings, randomModel, renamed, reshaped } from './formats';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-import-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const small = plainVit({ imageSize: 12, patchSize: 4, width: 8, depth: 2, heads: 2, mlpRatio: 4, dropPath: 0 });
const clipShape: TeacherShape = { ...small, prenorm: true, patchBias: false, activation: 'quick_gelu', normEps: 1e-5, imageMean: CLIP_MEAN, imageStd: CLIP_STD };

async function imported(tensors: NamedTensors, options: ImportOptions = { heads: 2 }, metadata?: Record<string, string>): ReturnType<typeof importTeacher> {
  const file = path.join(folder, 'model.safetensors');
  await writeSafetensors(file, tensors, metadata);
  return importTeacher(file, options);
}

describe('a model in every naming', () => {
  const cases: readonly [string, TeacherShape, Partial<TeacherShape>, NamedTensors][] = [
    ['hf-clip', clipShape, {}, { 'text_model.final_layer_norm.weight': float32([4]), logit_scale: float32([]), 'vision_model.embeddings.position_ids': int32([1, 10]) }],
    ['hf-vit', small, { normEps: 1e-12 }, { 'pooler.dense.weight': float32([8, 8]) }],
    ['hf-dinov2', { ...small, layerScale: true }, {}, { 'embeddings.mask_token': float32([1, 8]) }],
    ['hf-dinov2-swiglu', { ...small, layerScale: true, mlp: 'swiglu', mlpRatio: 2.5 }, {}, {}],
    ['hf-mae', small, { normEps: 1e-12 }, { 'decoder.decoder_pred.weight': float32([48, 4]), 'decoder.mask_token': float32([1, 1, 4]) }],
    ['openai-clip', clipShape, {}, { 'visual.proj': float32([8, 4]), 'transformer.resblocks.0.ln_1.weight': float32([4]), token_embedding: float32([2, 2]) }],
  ];

  it.each(cases)('comes from %s as timm has it, every key accounted for', async (naming, shape, habits, others) => {
    const model = randomModel(shape);
    const keys = renamed(model, namings[naming as keyof typeof namings]);
    const { tensors, shape: found, report } = await imported({ ...keys, ...others });
    expect(tensors).toEqual(model);
    expect(found).toEqual({ ...shape, ...habits });
    expect(report.format).toBe(naming.replace('-swiglu', ''));
    expect([...report.used].sort()).toEqual(Object.keys(keys).sort());
    expect([...report.ignored].sort()).toEqual(Object.keys(others).sort());
    expect(report.missing).toEqual([]);
  });

  it('comes from hf-clip without its prefix too', async () => {
    const model = randomModel(clipShape);
    const { tensors, report } = await imported(renamed(model, { ...namings['hf-clip'], prefix: '' }));
    expect(tensors).toEqual(model);
    expect(report.format).toBe('hf-clip');
  });

  it.each(['', 'module.', 'backbone.', 'module.backbone.'])('comes from timm naming with the prefix %j', async (prefix) => {
    const model = randomModel(small);
    const { tensors, report } = await imported(Object.fromEntries(Object.entries(model).map(([name, tensor]) => [prefix + name, tensor])));
    expect(tensors).toEqual(model);
    expect(report.format).toBe('timm');
  });

  it('is read as the student where a teacher lies beside it', async () => {
    const model = randomModel(small);
    const teacher = renamed(randomModel(clipShape, 2), { ...namings['hf-clip'], prefix: 'clip_model.vision_model.' });
    expect((await imported({ ...teacher, ...model })).tensors).toEqual(model);
  });
});

describe('the projection of CLIP', () => {
  const wanted = { heads: 2, projection: true };
  const projected = { ...clipShape, projection: 4 };
  const model = randomModel(projected);
  const { 'head.weight': projection, ...encoder } = model as NamedTensors & { 'head.weight': NamedTensors[string] };
  /** [D, E] */
  const turned = float32([8, 4], Float32Array.from({ length: 32 }, (_, i) => projection.data[(i % 4) * 8 + Math.floor(i / 4)]!));
  const hugging = renamed(encoder, namings['hf-clip']);

  it.each<[string, NamedTensors]>([
    ['timm', { ...model, 'head.bias': float32([4]) }],
    ['hf-clip', { ...hugging, 'visual_projection.weight': projection }],
    ['openai-clip', { ...renamed(encoder, namings['openai-clip']), 'visual.proj': turned }],
    ['hf-clip', Object.fromEntries(Object.entries({ ...hugging, 'visual_projection.weight': projection }).map(([name, tensor]) => [`clip_model.${name}`, tensor]))],
  ])('comes from %s where it is wanted', async (format, tensors) => {
    const found = await imported(tensors, wanted);
    expect(found.tensors).toEqual(model);
    expect(found.shape).toEqual(projected);
    expect(found.report).toMatchObject({ format, missing: [] });
  });

  it('is left alone where it is not', async () => {
    const { tensors, report } = await imported({ ...hugging, 'visual_projection.weight': projection });
    expect(tensors).toEqual(encoder);
    expect(report.ignored).toEqual(['visual_projection.weight']);
  });

  it('is missed where the file has none, or has a classifier', async () => {
    const refused = { code: 'MIM3005', message: expect.stringContaining('no projection') as unknown };
    await expect(imported(hugging, wanted)).rejects.toMatchObject(refused);
    await expect(imported({ ...randomModel(small), 'head.weight': projection }, wanted)).rejects.toMatchObject(refused);
    await expect(imported({ ...randomModel(small), 'head.weight': projection }, wanted, vitMetadata(small))).rejects.toMatchObject(refused);
    await expect(imported({ ...model, 'head.bias': float32([4], Float32Array.of(0, 0, 1, 0)) }, wanted)).rejects.toMatchObject({ code: 'MIM3005', message: expect.stringContaining('classifier') as unknown });
  });

  it('must fit the encoder', async () => {
    await expect(imported({ ...hugging, 'visual_projection.weight': float32([4, 6]) }, wanted)).rejects.toMatchObject({ code: 'MIM3005', message: expect.stringContaining('visual_projection.weight is [4, 6]') as unknown });
  });
});

describe('registers', () => {
  const shape: TeacherShape = { ...small, layerScale: true, registers: 4 };

  it('as their authors keep them get the position of CLS folded into its token', async () => {
    const model = randomModel(shape);
    const position = randomModel(shape, 3)['cls_token']!;
    const table = new Float32Array([...position.data, ...model['pos_embed']!.data]);
    const token = model['cls_token']!.data as Float32Array;
    const unfolded = { ...model, pos_embed: { ...model['pos_embed']!, shape: [1, 10, 8], data: table } };
    for (const file of [renamed(unfolded, namings['hf-dinov2']), unfolded]) {
      const { tensors, shape: found } = await imported(file);
      expect(found).toEqual(shape);
      expect(tensors['cls_token']!.data).toEqual(token.map((value, i) => value + position.data[i]!));
      expect({ ...tensors, cls_token: model['cls_token'] }).toEqual(model);
    }
  });

  it('as timm keeps them come as they are', async () => {
    const model = randomModel(shape);
    expect((await imported(model)).tensors).toEqual(model);
  });
});

describe('what a file leaves out', () => {
  const without = (model: NamedTensors, ...names: RegExp[]): NamedTensors => Object.fromEntries(Object.entries(model).filter(([name]) => !names.some((pattern) => pattern.test(name))));

  it('is filled where it does nothing, and named', async () => {
    const { tensors, report } = await imported(without(randomModel(small), /^norm\./, /qkv\.bias/));
    expect(report.missing).toEqual(['blocks.0.attn.qkv.bias', 'blocks.1.attn.qkv.bias', 'norm.weight', 'norm.bias']);
    expect([...tensors['norm.weight']!.data]).toEqual(Array(8).fill(1));
    expect([...tensors['blocks.1.attn.qkv.bias']!.data]).toEqual(Array(24).fill(0));
  });

  it('is an error where the model cannot be without it', async () => {
    await expect(imported(without(randomModel(small), /blocks\.1\.mlp/))).rejects.toMatchObject({ code: 'MIM3005', message: expect.stringContaining('blocks.1.mlp.fc1.weight') as unknown });
    await expect(imported(without(randomModel(small), /cls_token/))).rejects.toMatchObject({ code: 'MIM3005', message: expect.stringContaining('cls_token') as unknown });
  });

  it('of the position table, a row for CLS, becomes zeros', async () => {
    const model = randomModel(small);
    const table = model['pos_embed']!;
    const { tensors } = await imported({ ...model, pos_embed: { ...table, shape: [1, 9, 8], data: table.data.slice(8) } });
    expect([...tensors['pos_embed']!.data]).toEqual([...Array<number>(8).fill(0), ...table.data.slice(8)]);
  });
});

describe('what does not fit', () => {
  it('in naming is said with what the file begins with', async () => {
    await expect(imported({ 'layer1.conv.weight': float32([1]) })).rejects.toMatchObject({ code: 'MIM3004', message: expect.stringContaining('layer1.conv.weight') as unknown });
    await expect(imported(randomModel(small), { heads: 2, format: 'hf-clip' })).rejects.toMatchObject({ code: 'MIM3004', message: expect.stringContaining('embeddings.class_embedding') as unknown });
  });

  it('in size names the tensor and both sizes', async () => {
    const model = randomModel(small);
    await expect(imported({ ...model, 'blocks.1.norm1.weight': float32([9]) })).rejects.toMatchObject({ code: 'MIM3005', message: expect.stringMatching(/blocks\.1\.norm1\.weight is \[9\].*\[8\]/) as unknown });
    await expect(imported({ ...model, pos_embed: float32([1, 8, 8]) })).rejects.toMatchObject({ code: 'MIM3005', message: expect.stringContaining('8 rows') as unknown });
    await expect(imported({ ...model, 'patch_embed.proj.weight': float32([8, 1, 4, 4]) })).rejects.toMatchObject({ code: 'MIM3005' });
  });

  it('in heads asks for them', async () => {
    await expect(imported(randomModel(small), {})).rejects.toMatchObject({ code: 'MIM3005', hint: expect.stringContaining('teacher.heads') as unknown });
    await expect(imported(randomModel(small), { heads: 3 })).rejects.toMatchObject({ code: 'MIM3005' });
  });
});

describe('heads', () => {
  it('are the width over 64 where nothing says otherwise', async () => {
    const tiny = { ...small, width: 192, heads: 3, depth: 1 };
    expect((await imported(randomModel(tiny), {})).shape).toEqual(tiny);
  });
});

describe('what lies beside downloaded weights', () => {
  const beside = (name: string, content: object): Promise<void> => writeFile(path.join(folder, name), JSON.stringify(content));

  it('tells heads, epsilon, activation and normalisation of transformers’ models', async () => {
    await beside('config.json', { vision_config: { hidden_size: 8, num_attention_heads: 4, layer_norm_eps: 1e-6, hidden_act: 'gelu' } });
    await beside('preprocessor_config.json', { image_mean: [0.4815, 0.4578, 0.4082], image_std: [0.2686, 0.2613, 0.2758] });
    const { shape } = await imported(renamed(randomModel(clipShape), namings['hf-clip']), {});
    expect(shape).toMatchObject({ heads: 4, normEps: 1e-6, activation: 'gelu', imageMean: CLIP_MEAN, imageStd: CLIP_STD });
  });

  it('tells activation and normalisation of timm’s models', async () => {
    await beside('config.json', { architecture: 'vit_base_patch16_clip_224', pretrained_cfg: { tag: 'laion2b', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } });
    expect((await imported(randomModel(clipShape))).shape).toMatchObject({ activation: 'gelu', imageMean: [0.5, 0.5, 0.5] });
    await beside('config.json', { architecture: 'vit_base_patch16_clip_224', pretrained_cfg: { tag: 'openai' } });
    expect((await imported(randomModel(clipShape))).shape).toMatchObject({ activation: 'quick_gelu', imageMean: CLIP_MEAN });
  });

  it('does not count where it is about another model or broken', async () => {
    await beside('config.json', { hidden_size: 768, num_attention_heads: 12 });
    await writeFile(path.join(folder, 'preprocessor_config.json'), '{');
    expect((await imported(randomModel(small))).shape).toEqual(small);
  });

  it('is refused where it asks for an activation that is not there', async () => {
    await beside('config.json', { hidden_size: 8, num_attention_heads: 2, hidden_act: 'gelu_new' });
    await expect(imported(renamed(randomModel(small), namings['hf-vit']))).rejects.toMatchObject({ code: 'MIM3005', message: expect.stringContaining('gelu_new') as unknown });
  });
});

describe('this product’s own files', () => {
  const odd: TeacherShape = { ...small, normEps: 1e-4, imageMean: [0.1, 0.2, 0.3], imageStd: [1, 2, 3], dropPath: 0.1 };

  it('come back exactly as they were, without being told anything', async () => {
    const model = randomModel(odd);
    const { tensors, shape, report } = await imported(model, {}, vitMetadata(odd));
    expect({ tensors, shape, format: report.format }).toEqual({ tensors: model, shape: odd, format: 'mim' });
  });

  it('whose description was tampered with are refused', async () => {
    await expect(imported(randomModel(odd), {}, { 'mim.vit': '{"width":8}' })).rejects.toMatchObject({ code: 'MIM3011' });
    await expect(imported(randomModel(odd), {}, vitMetadata({ ...odd, width: 16 }))).rejects.toMatchObject({ code: 'MIM3005' });
    await expect(imported(randomModel(odd), {}, vitMetadata({ ...odd, depth: 2 ** 40 }))).rejects.toMatchObject({ code: 'MIM3005' });
  });

  it('are found from a run, its checkpoints, one checkpoint or a folder of weights; a damaged newest one is passed over', async () => {
    const run = await RunDirectory.create(folder, 'run', { resolvedYaml: '', sourceYaml: '', environment: {} });
    const save = (step: number, seed: number): ReturnType<RunDirectory['saveCheckpoint']> =>
      run.saveCheckpoint({ step, epoch: step, model: randomModel(odd, seed), method: {}, state: {}, stateJson: {}, metadata: vitMetadata(odd) });
    const first = await save(1, 1);
    const second = await save(2, 2);
    for (const given of [run.path, run.inside('checkpoints'), second.path]) {
      expect((await importTeacher(given)).tensors).toEqual(randomModel(odd, 2));
    }
    await writeFile(path.join(second.path, 'model.safetensors'), 'damaged');
    const { tensors, report } = await importTeacher(run.path);
    expect(tensors).toEqual(randomModel(odd, 1));
    expect(report.file).toBe(path.join(first.path, 'model.safetensors'));
    await expect(importTeacher(second.path)).rejects.toMatchObject({ code: 'MIM7201' });
  });

  it('are not looked for where there are none', async () => {
    await expect(importTeacher(folder)).rejects.toMatchObject({ code: 'MIM3002', message: expect.stringContaining('holds no weights') as unknown });
    await expect(importTeacher(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'MIM3002' });
    await mkdir(path.join(folder, 'hub'));
    await writeSafetensors(path.join(folder, 'hub', 'model.safetensors'), randomModel(small));
    expect((await importTeacher(path.join(folder, 'hub'), { heads: 2 })).tensors).toEqual(randomModel(small));
  });
});

describe('an export', () => {
  const file = (): string => path.join(folder, 'export.safetensors');

  it('has exactly timm’s keys, whatever else there was', async () => {
    const model = randomModel(small);
    await exportTimm(file(), { ...model, mask_token: float32([1, 1, 8]), encoder: float32([1]), 'head.weight': float32([3, 8]) }, small);
    const { tensors, metadata } = await readSafetensors(file());
    expect(Object.keys(tensors)).toEqual(Object.keys(timmSpecs(small)));
    expect(tensors).toEqual(model);
    expect(metadata['format']).toBe('pt');
  });

  it('has the head where it is asked for', async () => {
    const head = { 'head.weight': float32([3, 8]), 'head.bias': float32([3]) };
    await exportTimm(file(), { ...randomModel(small), ...head }, small, { head: true });
    expect(Object.keys((await readSafetensors(file())).tensors)).toEqual([...Object.keys(timmSpecs(small)), 'head.weight', 'head.bias']);
    await expect(exportTimm(file(), randomModel(small), small, { head: true })).rejects.toMatchObject({ code: 'MIM3010' });
  });

  it('is refused where a tensor is absent or of another size', async () => {
    const model = randomModel(small);
    await expect(exportTimm(file(), { ...model, cls_token: reshaped(model['cls_token']!, [8]) }, small)).rejects.toMatchObject({ code: 'MIM3010' });
    delete model['pos_embed'];
    await expect(exportTimm(file(), model, small)).rejects.toMatchObject({ code: 'MIM3010', message: expect.stringContaining('pos_embed') as unknown });
  });

  it('is of the sizes timm 1.0 has for a ViT-Ti/4 at 32 pixels', () => {
    const tiny = plainVit({ imageSize: 32, patchSize: 4, width: 192, depth: 12, heads: 3, mlpRatio: 4, dropPath: 0 });
    const specs = timmSpecs(tiny);
    expect(Object.keys(specs)).toHaveLength(4 + 12 * 12 + 2);
    expect(specs['pos_embed']!.shape).toEqual([1, 65, 192]);
    expect(specs['blocks.11.attn.qkv.weight']!.shape).toEqual([576, 192]);
    expect(specs['patch_embed.proj.weight']!.shape).toEqual([192, 3, 4, 4]);
    expect(tiny.imageMean).toBe(IMAGENET_MEAN);
  });
});

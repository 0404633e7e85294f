import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import protobuf from 'protobufjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CLIP_MEAN, CLIP_STD, plainVit, type TeacherShape } from '../../../extension/core/checkpoints/teacher-shape';
import type { NamedTensors } from '../../../extension/core/tensors';
import { createEngine } from '../../../extension/training/engines/create';
import { exportOnnx } from '../../../extension/training/export/export-onnx';
import { teacherFeatureProgram } from '../../../extension/training/evaluation/encoders';
import { vitFeatures, vitSpecs } from '../../../extension/training/nn/vit';
import { sinCosPositions } from '../../../extension/training/nn/positions';
import { RandomStream } from '../../../extension/training/random';
import { randomImages, randomTeacher } from '../model/experiments';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-onnx-'));
  file = path.join(folder, 'encoder.onnx');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const clip = { prenorm: true, patchBias: false, activation: 'quick_gelu', normEps: 1e-5, imageMean: CLIP_MEAN, imageStd: CLIP_STD } as const;
const kinds: readonly (readonly [string, Partial<TeacherShape>])[] = [
  ['a student, timm, DINO or MAE', {}],
  ['CLIP', clip],
  ['DINOv2', { layerScale: true }],
  ['DINOv2 with registers', { layerScale: true, registers: 4 }],
  ['DINOv2 giant', { layerScale: true, mlp: 'swiglu' }],
  ['everything at once', { ...clip, patchBias: true, layerScale: true, registers: 2, mlp: 'swiglu' }],
  ['patches of 8, one head', { patchSize: 8, heads: 1 }],
];

/** What the slow reference, plain JavaScript op by op, makes of the images. */
async function reference(tensors: NamedTensors, shape: TeacherShape, images: ReturnType<typeof randomImages>) {
  const { engine } = await createEngine({ kind: 'tfjs-cpu', threads: 1 });
  const compiled = await engine.compile(teacherFeatureProgram({ tensors, shape }, shape.imageSize, images.shape[0]!));
  const state = engine.createState({});
  const [readings] = await compiled.run(state, [{ images }]);
  state.dispose();
  await engine.dispose();
  return readings!;
}

async function run(images: ReturnType<typeof randomImages>) {
  const session = await InferenceSession.create(file);
  const result = await session.run({ images: new Tensor('float32', images.data as Float32Array, images.shape) });
  await session.release();
  return result;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
}

describe('an exported encoder', () => {
  it.each(kinds)('of the kind %s computes the features of this product, for any number of images', async (_kind, changes) => {
    const { tensors, shape } = randomTeacher(changes);
    const { opset, difference } = await exportOnnx(file, tensors, shape, 'here');
    expect(opset).toBe(17);
    expect(Math.max(difference.cls, difference.mean)).toBeLessThan(1e-5);
    for (const batch of [1, 3]) {
      const images = randomImages(new RandomStream(7, 'test'), batch, shape.imageSize);
      const [exported, own] = [await run(images), await reference(tensors, shape, images)];
      for (const name of ['cls', 'mean'] as const) {
        expect(exported[name]!.dims).toEqual([batch, shape.width]);
        expect(largestDifference(exported[name]!.data as Float32Array, own[name]!.data)).toBeLessThan(2e-5);
      }
    }
  });

  it('of a student has the features its probes read', async () => {
    const { tensors, shape } = randomTeacher();
    const student = { ...Object.fromEntries(Object.keys(vitSpecs(shape)).map((name) => [name, tensors[name]!])), pos_embed: sinCosPositions(shape.width, shape.imageSize / shape.patchSize) };
    await exportOnnx(file, student, plainVit(shape), 'here');
    const images = randomImages(new RandomStream(7, 'test'), 2, shape.imageSize);
    const { engine } = await createEngine({ kind: 'tfjs-cpu', threads: 1 });
    const program = { name: 'student', state: {}, constants: student, batch: { images: { shape: images.shape, dtype: 'float32' as const } } };
    const compiled = await engine.compile({ ...program, run: ({ constants, batch }) => {
      const { cls, mean } = vitFeatures(constants, shape, batch['images']!);
      return { state: {}, readings: { cls, mean } };
    } });
    const [own] = await compiled.run(engine.createState({}), [{ images }]);
    await engine.dispose();
    expect(largestDifference((await run(images))['cls']!.data as Float32Array, own!['cls']!.data)).toBeLessThan(2e-5);
  });

  it('says how its images are to be normalised, and uses standard operators alone', async () => {
    const { tensors, shape } = randomTeacher(clip);
    await exportOnnx(file, tensors, shape, '/a/model.safetensors');
    const model = decode(await readFile(file));
    expect(Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]))).toMatchObject({
      image_size: '16', image_mean: JSON.stringify(CLIP_MEAN), image_std: JSON.stringify(CLIP_STD), patch_size: '4', width: '24', source: '/a/model.safetensors',
    });
    expect(model.opsetImport).toMatchObject([{ version: 17 }]);
    expect(model.irVersion).toBe(8);
    expect(model.graph.node.every(({ domain }) => domain === '')).toBe(true);
    expect(model.graph.input.map(({ type }) => type.tensorType.shape.dim)).toMatchObject([[{ dimParam: 'batch' }, { dimValue: 3 }, { dimValue: 16 }, { dimValue: 16 }]]);
  });
});

describe('an export that is refused leaves the folder as it was', () => {
  it('where a weight is not finite', async () => {
    const { tensors, shape } = randomTeacher();
    tensors['norm.bias']!.data[0] = NaN;
    await expect(exportOnnx(file, tensors, shape, 'here')).rejects.toMatchObject({ code: 'MIM3013' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('where the heads do not divide the width', async () => {
    const { tensors, shape } = randomTeacher();
    await expect(exportOnnx(file, tensors, { ...shape, heads: 5 }, 'here')).rejects.toMatchObject({ code: 'MIM3303' });
  });
});

interface OnnxModel {
  readonly irVersion: number;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
  readonly graph: {
    readonly node: readonly { readonly domain: string }[];
    readonly input: readonly { readonly type: { readonly tensorType: { readonly shape: { readonly dim: readonly object[] } } } }[];
  };
}

/** The part of onnx.proto3 that the test looks at. */
function decode(bytes: Uint8Array): OnnxModel {
  const { root } = protobuf.parse(`syntax = "proto3";
    message Model { int32 ir_version = 1; Graph graph = 7; repeated Opset opset_import = 8; repeated Entry metadata_props = 14; }
    message Graph { repeated Node node = 1; repeated Value input = 11; }
    message Node { string domain = 7; }
    message Value { string name = 1; Type type = 2; }
    message Type { Tensor tensor_type = 1; }
    message Tensor { Shape shape = 2; }
    message Shape { repeated Dim dim = 1; }
    message Dim { oneof value { int32 dim_value = 1; string dim_param = 2; } }
    message Opset { string domain = 1; int32 version = 2; }
    message Entry { string key = 1; string value = 2; }`);
  return root.lookupType('Model').decode(bytes) as unknown as OnnxModel;
}

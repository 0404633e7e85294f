/** Every method beside MaskAlign: it learns, whatever its teacher and masks are, and what it draws does not cheat. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExperimentInput, ResolvedExperiment } from '../../../extension/core/config/schema';
import type { HostTensor } from '../../../extension/core/tensors';
import { createEngine } from '../../../extension/training/engines/create';
import type { Engine } from '../../../extension/training/engines/engine';
import { createMethod } from '../../../extension/training/methods/create';
import type { Method } from '../../../extension/training/methods/method';
import { hogOfPatches } from '../../../extension/training/methods/hog';
import { reconstruct } from '../../../extension/training/preview/reconstruct';
import { RandomStream } from '../../../extension/training/random';
import { trainingPrograms } from '../../../extension/training/step';
import { experiment, randomImages, randomTeacher, scalar } from './experiments';
import { methodCases, methodOfCase } from './method-cases';

let engine: Engine;
beforeAll(async () => {
  ({ engine } = await createEngine({ kind: 'tfjs-cpu', threads: 1 }));
});
afterAll(() => engine.dispose());

async function losses(method: Method, resolved: ResolvedExperiment, steps: number): Promise<number[]> {
  const programs = trainingPrograms(method, resolved);
  const state = engine.createState(programs.initialState(1));
  const compiled = await engine.compile(programs.single!);
  const random = new RandomStream(3, 'test');
  const batch = { images: randomImages(random, 4, 16), ...method.draw(random, 4) };
  const batches = Array.from({ length: steps }, (_, step) => ({ ...batch, lr: scalar(3e-3), step: scalar(step + 1), ema_momentum: scalar(0.99) }));
  const readings = await compiled.run(state, batches);
  await compiled.dispose();
  state.dispose();
  return readings.map((reading) => reading['loss']!.data[0]!);
}

describe('a repeated batch is learnt', () => {
  it.each(methodCases)('by %s', async (_name, input) => {
    const { method, resolved } = methodOfCase(input);
    const values = await losses(method, resolved, 6);
    expect(values.every(Number.isFinite)).toBe(true);
    expect(values[5]!).toBeLessThan(values[0]! * 0.98);
  });
});

describe('histograms of oriented gradients', () => {
  /** [3, 8, 8] as one patch of one cell. */
  function hogOf(pixel: (x: number, y: number) => number): number[] {
    return tf.tidy(() => {
      const image = Float32Array.from({ length: 3 * 64 }, (_, i) => pixel(i % 8, Math.floor((i % 64) / 8)));
      return Array.from(hogOfPatches(tf.tensor4d(image, [1, 3, 8, 8]), { patchSize: 8, bins: 9, cell: 8 }).dataSync()).slice(0, 9);
    });
  }

  it.each([
    ['upright stripes, whose gradient lies along the rows, in the bin of a quarter turn', (x: number) => x % 4, [0, 0, 0, 0, 1, 0, 0, 0, 0]],
    ['lying stripes in the first bin', (_x: number, y: number) => y % 4, [1, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['a diagonal in the bin of 45 degrees', (x: number, y: number) => 2 * (x + y), [0, 0, 1, 0, 0, 0, 0, 0, 0]],
    ['nothing where nothing changes', () => 3, [0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ])('%s', (_what, pixel, expected) => {
    const actual = hogOf(pixel);
    expected.forEach((value, bin) => expect(Math.abs(actual[bin]! - value), `bin ${bin}`).toBeLessThan(_what.startsWith('a diagonal') ? 0.5 : 1e-6));
  });

  it('do not depend on brightness, contrast or sign', () => {
    const noise = randomImages(new RandomStream(5, 'noise'), 1, 8).data;
    const of = (change: (value: number) => number): number[] => hogOf((x, y) => change(noise[8 * y + x]!));
    const plain = of((value) => value);
    for (const changed of [of((value) => 3 * value + 2), of((value) => -value)]) changed.forEach((value, bin) => expect(value).toBeCloseTo(plain[bin]!, 5));
    expect(plain.reduce((sum, value) => sum + value ** 2, 0)).toBeCloseTo(1, 5);
  });
});

describe('data2vec', () => {
  it('does not average more blocks than its teacher has', () => {
    const resolved = experiment({ method: 'data2vec', teacher: { checkpoint: 'teacher.safetensors' }, reconstruction: { average_top_k: 4 } });
    expect(() => createMethod(resolved, { teacher: randomTeacher() })).toThrow(expect.objectContaining({ code: 'MIM5003' }));
  });
});

describe('crossmae', () => {
  it('predicts hidden patches anywhere, also where the masking lists them in reading order', () => {
    const resolved = experiment({ method: 'crossmae', masking: { strategy: 'block', ratio: 0.5 }, optimizer: { batch_size: 64 } });
    const { keep_ids: keep, masked_ids: masked } = createMethod(resolved, {}).draw(new RandomStream(3, 'test'), 64);
    const rows = (ids: HostTensor, count: number): number[] => Array.from({ length: 64 }, (_, image) => Math.floor(Array.from(ids.data.subarray(image * ids.shape[1]!, image * ids.shape[1]! + count)).reduce((sum, id) => sum + id, 0) / count / 4));
    for (let image = 0; image < 64; image++) expect(new Set([...keep!.data.subarray(image * 8, image * 8 + 8), ...masked!.data.subarray(image * 8, image * 8 + 8)]).size).toBe(16);
    expect(new Set(rows(masked!, 4)).size).toBeGreaterThan(1);
    expect(rows(masked!, 4).reduce((sum, row) => sum + row, 0) / 64).toBeCloseTo(rows(masked!, 8).reduce((sum, row) => sum + row, 0) / 64, 0);
  });
});

describe.each([
  ['mae', {}],
  ['mae, with patches thrown away', { masking: { strategy: 'random', ratio: 0.4, throw_ratio: 0.3 } }],
  ['crossmae', {}],
  ['simmim', {}],
] as [string, Partial<ExperimentInput>][])('the reconstruction of %s', (title, input) => {
  const name = title.split(',')[0] as 'mae' | 'crossmae' | 'simmim';

  async function drawn(images: HostTensor): Promise<{ images: readonly Float32Array[]; hidden: (image: number, offset: number) => boolean; estimated: boolean }> {
    const resolved = experiment({ method: name, optimizer: { batch_size: 4 }, ...input });
    const method = createMethod(resolved, {});
    const draws = method.draw(new RandomStream(3, 'test'), 4);
    const state = engine.createState(trainingPrograms(method, resolved).initialState(1));
    const made = await reconstruct({ engine, method, state, images, drawn: draws, patchSize: 4 });
    state.dispose();
    const { shape, data } = draws['masked_ids']!;
    const masked = Array.from({ length: 4 }, (_, image) => new Set(data.subarray(image * shape[1]!, (image + 1) * shape[1]!)));
    const hidden = (image: number, offset: number): boolean => masked[image]!.has(Math.floor((offset % 256) / 64) * 4 + Math.floor((offset % 16) / 4));
    return { ...made!, hidden };
  }

  it('keeps visible patches as they are and says nothing that hidden ones tell', async () => {
    const images = randomImages(new RandomStream(5, 'images'), 4, 16);
    const first = await drawn(images);
    const other = { ...images, data: images.data.map((value, i) => (first.hidden(Math.floor(i / 768), i % 768) ? 3 - 2 * value : value)) };
    const second = await drawn(other);
    expect(first.estimated).toBe(name !== 'simmim');
    first.images.forEach((image, i) => {
      image.forEach((value, offset) => {
        const was = images.data[i * 768 + offset]!;
        if (!first.hidden(i, offset)) expect(value).toBe(was);
        expect(Number.isFinite(value)).toBe(true);
      });
      expect(second.images[i]).toEqual(image);
    });
  });
});

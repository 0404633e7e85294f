import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { plainVit, timmSpecs } from '../../../extension/core/checkpoints/teacher-shape';
import type { ResolvedExperiment, VitShape } from '../../../extension/core/config/schema';
import { experimentSchema } from '../../../extension/core/config/schema';
import { float32 } from '../../../extension/core/tensors';
import { EagerEngine } from '../../../extension/training/engines/eager/eager-engine';
import type { Program } from '../../../extension/training/engines/engine';
import { MaskAlign } from '../../../extension/training/methods/maskalign';
import { initialTensors } from '../../../extension/training/nn/initialise';
import { sinCosPositions } from '../../../extension/training/nn/positions';
import { captionsSvg } from '../../../extension/training/preview/captions';
import { viridis } from '../../../extension/training/preview/colormap';
import { previewExperiment } from '../../../extension/training/preview/preview-experiment';
import { visibleAttention } from '../../../extension/training/masking/visible-attention';
import { previewSheet } from '../../../extension/training/preview/sheet';
import { attentionTile, imageTile, maskTile } from '../../../extension/training/preview/tiles';
import { RandomStream } from '../../../extension/training/random';
import { prepareTeacher } from '../../../extension/training/teachers/prepare';
import { frozenTeacher } from '../../../extension/training/teachers/sources';

const mean = [0.5, 0.4, 0.3];
const std = [0.2, 0.25, 0.3];

/** [3, 8, 8] of one colour in [0, 1], normalised. */
function flat(red: number, green: number, blue: number): Float32Array {
  const colour = [red, green, blue];
  return Float32Array.from({ length: 192 }, (_, i) => (colour[Math.floor(i / 64)]! - mean[Math.floor(i / 64)]!) / std[Math.floor(i / 64)]!);
}

function pixel(tile: { side: number; rgb: Uint8Array }, x: number, y: number): number[] {
  return Array.from(tile.rgb.subarray((y * tile.side + x) * 3, (y * tile.side + x) * 3 + 3));
}

describe('preview tiles', () => {
  it('show the image as it was before normalisation', () => {
    const tile = imageTile(flat(1, 0.5, 0), 8, mean, std, 3);
    expect(tile.side).toBe(24);
    expect(pixel(tile, 13, 5)).toEqual([255, 128, 0]);
  });

  it.each([['white', 1], ['black', 0], ['mid grey', 0.5]] as const)('make masked patches of a %s image unlike visible ones', (_, level) => {
    const image = imageTile(flat(level, level, level), 8, mean, std, 8);
    const tile = maskTile(image, { grid: 2 }, [0, 3]);
    for (const [x, y] of [[5, 5], [40, 40]] as const) expect(pixel(tile, x, y)).toEqual(pixel(image, x, y));
    const masked = Array.from({ length: 32 }, (_, i) => pixel(tile, 32 + i, 7)[0]!);
    const contrast = Math.max(...masked.map((value) => Math.abs(value - 255 * level)));
    expect(contrast).toBeGreaterThan(60);
    // The hatch itself can be seen on the dimmed patch.
    expect(Math.max(...masked) - Math.min(...masked)).toBeGreaterThan(60);
  });

  it('colour attention from none to the peak, patch by patch in row-major order', () => {
    const image = imageTile(flat(0, 0, 0), 8, mean, std, 1);
    const tile = attentionTile(image, { grid: 2 }, [0, 0.2, 0.1, 0.05]);
    expect(pixel(tile, 6, 1)).toEqual(viridis(1).map((channel) => Math.round(0.75 * channel)));
    expect(pixel(tile, 1, 1)).toEqual(viridis(0).map((channel) => Math.round(0.75 * channel)));
    expect(() => attentionTile(image, { grid: 2 }, [0, 0, 0, 0])).not.toThrow();
  });

  it('use a colour scale whose lightness rises all the way', () => {
    const lightness = Array.from({ length: 50 }, (_, i) => viridis(i / 49)).map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
    lightness.slice(1).forEach((value, i) => expect(value).toBeGreaterThan(lightness[i]!));
    expect(viridis(-1)).toEqual(viridis(0));
    expect(viridis(2)).toEqual([0xfd, 0xe7, 0x25]);
  });
});

describe('a preview sheet', () => {
  const common = { imageSize: 8, patchSize: 4, mean, std, title: 'a <title> & "more"' };

  it('is a PNG with a row an image and a column for what there is', async () => {
    const image = flat(0.2, 0.4, 0.6);
    const full = await sharp(await previewSheet({ ...common, images: [{ image, keepIds: [0, 1], scores: [1, 2, 3, 4] }, { image, keepIds: [2, 3], scores: [1, 1, 1, 1] }] })).metadata();
    const plain = await sharp(await previewSheet({ ...common, images: [{ image }] })).metadata();
    expect(full.format).toBe('png');
    expect(full.width).toBeGreaterThan(2.9 * 224);
    expect(plain.width).toBe(2 * 16 + 224);
    expect(full.height).toBeGreaterThan(plain.height + 224);
  });

  it('is the same, byte for byte, for the same inputs', async () => {
    const sheet = { ...common, images: [{ image: flat(0.1, 0.9, 0.5), name: 'x', keepIds: [1] }] };
    expect((await previewSheet(sheet)).equals(await previewSheet(sheet))).toBe(true);
  });

  it('writes captions that cannot break out of the SVG', () => {
    expect(captionsSvg(10, 10, [{ text: '</text><script>&"\'', x: 0, y: 0, size: 9 }])).not.toMatch(/<script|<\/text><\/text>/);
  });

  it('says how much of the attention stays visible', () => {
    expect(visibleAttention([1, 3], [0.1, 0.2, 0.3, 0.4])).toBeCloseTo(0.6, 12);
  });
});

describe('the preview of an experiment', () => {
  const student: VitShape = { imageSize: 8, patchSize: 2, width: 8, depth: 1, heads: 2, mlpRatio: 2, dropPath: 0 };

  function experiment(strategy: 'attentive' | 'random', ratio: number): ResolvedExperiment {
    const optimizer = { batch_size: 8, accumulate: 2 };
    const alignment = { levels: 'out', fusion: 'simple' };
    const { decoder: _decoder, reconstruction: _reconstruction, ...parsed } = experimentSchema.parse({ mim: 1, method: 'maskalign', data: { kind: 'shapes', image_size: 8 }, masking: { strategy, ratio }, optimizer, alignment });
    return {
      ...parsed,
      name: 'preview',
      student,
      schedule: { ...parsed.schedule, warmup_epochs: 1 },
      engine: { kind: 'tfjs-cpu', threads: 0, steps_per_run: 1 },
      derived: { learningRate: 1, levels: 'top1', patchCount: 16, keepCount: Math.trunc(16 * (1 - ratio)), microBatch: 4 },
    };
  }

  const images = Float32Array.from({ length: 3 * 192 }, (_, i) => Math.sin(i));
  const teacher = prepareTeacher(
    { tensors: { ...initialTensors(new RandomStream(0, 'teacher'), timmSpecs(plainVit(student))), pos_embed: sinCosPositions(8, 4) }, shape: plainVit(student) },
    student,
    { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  );

  it('draws masks and attention for every image', async () => {
    const engine = await EagerEngine.create('cpu');
    const preview = await previewExperiment(experiment('attentive', 0.7), { engine, images, teacher });
    expect(preview).toMatchObject({ images: 3, patchCount: 16, keepCount: 4 });
    expect(preview.visibleAttention).toBeGreaterThan(0);
    expect(preview.visibleAttention).toBeLessThan(1);
    expect((await sharp(preview.png).metadata()).width).toBe(3 * 224 + 2 * 12 + 2 * 16);
  });

  it.each(['attentive', 'random'] as const)('shows the very patches that the first steps of a training with %s masks keep', async (strategy) => {
    const resolved = experiment(strategy, 0.7);
    const method = new MaskAlign({ student, teacher: frozenTeacher(teacher), masking: resolved.masking, alignment: resolved.alignment });
    const parameters = method.initialise(new RandomStream(0, 'initialise'));
    const count = 10;
    const shown = Float32Array.from({ length: count * 192 }, (_, i) => Math.sin(i * i));
    const engine = await EagerEngine.create('cpu');
    const program: Program = {
      name: 'loss',
      state: {},
      constants: { ...parameters, ...method.constants },
      batch: method.batchSpecs(4),
      run: ({ constants, batch }) => ({ state: {}, readings: method.loss(constants, batch, constants).readings }),
    };
    const compiled = await engine.compile(program);
    const kept: number[] = [];
    for (const [step, part] of [[0, 0], [0, 1], [1, 0]] as const) {
      const pixels = new Float32Array(4 * 192);
      pixels.set(shown.subarray((2 * step + part) * 4 * 192, (2 * step + part + 1) * 4 * 192));
      const drawn = method.draw(new RandomStream(resolved.seed, 'draw', step, part), 4);
      const [readings] = await compiled.run(engine.createState({}), [{ images: float32([4, 3, 8, 8], pixels), ...drawn }]);
      kept.push(...readings!['keepIds']!.data);
    }
    const preview = await previewExperiment(resolved, { engine, images: shown, teacher });
    expect(Array.from(preview.keepIds!.data)).toEqual(kept.slice(0, count * 4));
  });

  it('needs a teacher for attentive masks only', async () => {
    const engine = await EagerEngine.create('cpu');
    await expect(previewExperiment(experiment('attentive', 0.7), { engine, images })).rejects.toMatchObject({ code: 'MIM6101' });
    expect(await previewExperiment(experiment('random', 0.7), { engine, images })).toMatchObject({ keepCount: 4 });
    expect(await previewExperiment(experiment('random', 0), { engine, images })).toMatchObject({ keepCount: 16 });
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../../extension/core/tensors';
import type { ResolvedExperiment } from '../../../extension/core/config/schema';
import { createEngine } from '../../../extension/training/engines/create';
import type { Engine, Readings } from '../../../extension/training/engines/engine';
import { createMethod } from '../../../extension/training/methods/create';
import type { Method } from '../../../extension/training/methods/method';
import { RandomStream } from '../../../extension/training/random';
import { trainingPrograms } from '../../../extension/training/step';
import { nativeHere } from '../../native-here';
import { experiment, labels, randomImages, randomTeacher, scalar } from './experiments';

const teacher = { checkpoint: 'teacher.safetensors' };

interface Trained {
  readonly readings: Readings[];
  readonly before: Record<string, HostTensor>;
  readonly after: Record<string, HostTensor>;
}

describe.each(['tfjs-cpu', 'compiled-cpu', ...nativeHere] as const)('a training step on %s', (kind) => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await createEngine({ kind, threads: 1 }));
  });
  afterAll(() => engine.dispose());

  async function train(method: Method, resolved: ResolvedExperiment, steps: number, extra: Record<string, HostTensor> = {}): Promise<Trained> {
    const programs = trainingPrograms(method, resolved);
    const before = programs.initialState(1);
    const state = engine.createState(before);
    const compiled = await engine.compile(programs.single!);
    const random = new RandomStream(3, 'test');
    const batch = { images: randomImages(random, 4, 16), ...method.draw(random, 4), ...extra };
    const batches = Array.from({ length: steps }, (_, step) => ({ ...batch, lr: scalar(3e-3), step: scalar(step + 1), ema_momentum: scalar(0.5) }));
    const readings = await compiled.run(state, batches);
    const after = await state.read();
    await compiled.dispose();
    state.dispose();
    return { readings, before, after };
  }

  const loss = (readings: Readings): number => readings['loss']!.data[0]!;

  it.each(['attentive', 'random'] as const)('lowers the loss of a repeated batch (%s masking)', async (strategy) => {
    const resolved = experiment({ masking: { strategy, ratio: 0.5 }, optimizer: { batch_size: 4 }, teacher });
    const { readings } = await train(createMethod(resolved, { teacher: randomTeacher() }), resolved, 8);
    expect(loss(readings[7]!)).toBeLessThan(loss(readings[0]!) * 0.95);
  });

  it('lowers the loss of a classifier', async () => {
    const resolved = experiment({ method: 'supervised', optimizer: { batch_size: 4 } });
    const { readings } = await train(createMethod(resolved, { classCount: 3 }), resolved, 8, { labels: labels(0, 1, 2, 1) });
    expect(loss(readings[7]!)).toBeLessThan(loss(readings[0]!) * 0.95);
    expect(readings[7]!['accuracy']!.data[0]).toBeGreaterThanOrEqual(0.5);
  });

  it('leaves what the loss does not read exactly as it was', async () => {
    const resolved = experiment({ optimizer: { batch_size: 4, ema: 0.5 }, alignment: { levels: 'top1' }, teacher });
    const method = createMethod(resolved, { teacher: randomTeacher() });
    const { before, after } = await train(method, resolved, 2);
    const changed = Object.keys(method.parameters).filter((name) => String(before[name]!.data) !== String(after[name]!.data));
    expect(changed.sort()).toEqual(Object.keys(method.parameters).filter((name) => method.reads(name)).sort());
    expect(after['exp_avg.norm.weight']).toBeUndefined();
    expect(after['ema.norm.weight']!.data).toEqual(before['norm.weight']!.data);
  });

  it('names every visible patch of every image, also where nothing is masked', async () => {
    const resolved = experiment({ masking: { ratio: 0 }, optimizer: { batch_size: 4 }, teacher });
    const { readings } = await train(createMethod(resolved, { teacher: randomTeacher() }), resolved, 1);
    expect(readings[0]!['keepIds']!.shape).toEqual([4, 16]);
    expect(Array.from(readings[0]!['keepIds']!.data.slice(16, 32))).toEqual(Array.from({ length: 16 }, (_, i) => i));
  });

  it('reads per-level losses whose weighted sum is the loss', async () => {
    const resolved = experiment({ alignment: { levels: 'mean' }, optimizer: { batch_size: 4 }, teacher });
    const { readings } = await train(createMethod(resolved, { teacher: randomTeacher() }), resolved, 1);
    const levels = Array.from(readings[0]!['level_losses']!.data);
    expect(levels).toHaveLength(3);
    expect(levels.reduce((sum, level) => sum + level / 3, 0)).toBeCloseTo(loss(readings[0]!), 5);
  });

  it('keeps an average that starts at the parameters', async () => {
    const resolved = experiment({ optimizer: { batch_size: 4, ema: 0.5 }, teacher });
    const { before, after } = await train(createMethod(resolved, { teacher: randomTeacher() }), resolved, 1);
    const name = 'blocks.1.mlp.fc1.weight';
    after[`ema.${name}`]!.data.forEach((value, i) => expect(value).toBeCloseTo((before[name]!.data[i]! + after[name]!.data[i]!) / 2, 6));
  });
});

import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../extension/training/engines/create';
import { createMethod } from '../../../extension/training/methods/create';
import { RandomStream } from '../../../extension/training/random';
import { trainingPrograms } from '../../../extension/training/step';
import { experiment, labels, randomImages, randomTeacher, scalar } from './experiments';

describe.each(['tfjs-cpu', 'compiled-cpu'] as const)('a training step on %s', (kind) => {
  it.each(['attentive', 'random'] as const)('lowers the loss of a repeated batch (%s masking)', async (strategy) => {
    const resolved = experiment({ masking: { strategy, ratio: 0.5 }, optimizer: { batch_size: 4 }, teacher: { checkpoint: 'teacher.safetensors' } });
    const method = createMethod(resolved, { teacher: randomTeacher() });
    const losses = await train(kind, method, resolved, {});
    expect(losses[9]!).toBeLessThan(losses[0]! * 0.9);
  });

  it('lowers the loss of a classifier', async () => {
    const resolved = experiment({ method: 'supervised', optimizer: { batch_size: 4 } });
    const losses = await train(kind, createMethod(resolved, { classCount: 3 }), resolved, { labels: labels(0, 1, 2, 1) });
    expect(losses[9]!).toBeLessThan(losses[0]! * 0.9);
  });
});

async function train(kind: 'tfjs-cpu' | 'compiled-cpu', method: ReturnType<typeof createMethod>, resolved: ReturnType<typeof experiment>, extra: object): Promise<number[]> {
  const programs = trainingPrograms(method, resolved);
  const { engine } = await createEngine({ kind, threads: 1 });
  const state = engine.createState(programs.initialState(1));
  const compiled = await engine.compile(programs.single!);
  const random = new RandomStream(3, 'test');
  const batch = { images: randomImages(random, 4, 16), ...method.draw(random, 4), ...extra };
  const losses: number[] = [];
  for (let step = 1; step <= 10; step++) {
    const [readings] = await compiled.run(state, [{ ...batch, lr: scalar(3e-3), step: scalar(step) }]);
    losses.push(readings!['loss']!.data[0]!);
  }
  await engine.dispose();
  return losses;
}

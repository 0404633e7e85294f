import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExperimentInput, ResolvedExperiment } from '../../../extension/core/config/schema';
import type { HostTensor, NamedTensors } from '../../../extension/core/tensors';
import type { TrainBatch } from '../../../extension/training/data/loader';
import { createEngine } from '../../../extension/training/engines/create';
import type { Engine } from '../../../extension/training/engines/engine';
import { createMethod } from '../../../extension/training/methods/create';
import { partsOf } from '../../../extension/training/optimizer/gradient-health';
import { RandomStream } from '../../../extension/training/random';
import { createStepRunner, type StepReadings } from '../../../extension/training/step-runner';
import { trainingPrograms } from '../../../extension/training/step';
import { timelineOf } from '../../../extension/training/timeline';
import { nativeHere } from '../../native-here';
import { experiment, randomImages, randomTeacher } from './experiments';

const BATCH = 4;
const teacher = { checkpoint: 'teacher.safetensors' };

describe('the parts of a model', () => {
  const names = ['cls_token', 'patch_embed.proj.weight', 'blocks.0.norm1.bias', 'blocks.10.attn.qkv.weight', 'norm.weight', 'method.mask_token', 'method.adaptors.3.weight'];

  it('are the embedding, every block, trained or not, and what follows', () => {
    const parts = partsOf(names, { depth: 11, masksInput: false });
    expect(parts).toHaveLength(13);
    expect(parts[0]).toEqual(['cls_token', 'patch_embed.proj.weight']);
    expect(parts[1]).toEqual(['blocks.0.norm1.bias']);
    expect(parts[2]).toEqual([]);
    expect(parts[11]).toEqual(['blocks.10.attn.qkv.weight']);
    expect(parts[12]).toEqual(['norm.weight', 'method.mask_token', 'method.adaptors.3.weight']);
  });

  it('have the mask token in the embedding where it enters the encoder', () => {
    expect(partsOf(names, { depth: 11, masksInput: true })[0]).toContain('method.mask_token');
  });
});

describe.each(['tfjs-cpu', 'compiled-cpu', ...nativeHere] as const)('gradients by block, on %s', (kind) => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await createEngine({ kind, threads: 1 }));
  });
  afterAll(() => engine.dispose());

  interface Trained {
    readonly readings: StepReadings[];
    readonly before: NamedTensors;
    /** After one step. */
    readonly after: NamedTensors;
  }

  async function trained(input: Partial<ExperimentInput>, gradients: boolean): Promise<Trained & { resolved: ResolvedExperiment }> {
    const resolved = experiment({ masking: { strategy: 'random', ratio: 0.5 }, teacher, ...input, logging: { gradients } });
    const method = createMethod(resolved, resolved.teacher ? { teacher: randomTeacher() } : {});
    const programs = trainingPrograms(method, resolved);
    const before = programs.initialState(1);
    const state = engine.createState(before);
    const runner = await createStepRunner(engine, programs, method, resolved, timelineOf(resolved, 40));
    const batch = (step: number): TrainBatch => ({ step, epoch: 0, indices: new Int32Array(BATCH), images: randomImages(new RandomStream(step, 'images'), BATCH, 16).data as Float32Array, labels: new Int32Array(BATCH) });
    const first = await runner.run(state, [batch(0)]);
    const after = await state.read();
    const rest = await runner.run(state, [batch(1), batch(2)]);
    await runner.dispose();
    state.dispose();
    return { resolved, readings: [...first, ...rest], before, after };
  }

  const inputs: [string, Partial<ExperimentInput>][] = [
    ['in one batch', { optimizer: { batch_size: BATCH, lr: 1e-2 }, schedule: { epochs: 1, warmup_epochs: 0 } }],
    ['accumulated, clipped', { optimizer: { batch_size: BATCH, accumulate: 2, lr: 1e-2, clip_grad: 0.01 }, schedule: { epochs: 1, warmup_epochs: 0 } }],
    ['of mask tokens in the encoder', { method: 'simmim', teacher: undefined, optimizer: { batch_size: BATCH, lr: 1e-2 }, schedule: { epochs: 1, warmup_epochs: 0 } }],
    ['of levels that are not all read', { alignment: { levels: 'mid0', fusion: 'simple' }, optimizer: { batch_size: BATCH, lr: 1e-2 }, schedule: { epochs: 1, warmup_epochs: 0 } }],
  ];
  it.each(inputs)('%s: squares of the norms sum to that of all, and updates are what happened to the weights', async (_name, input) => {
    const { readings, before, after, resolved } = await trained(input, true);
    const { block_grad_norms: norms, block_update_ratios: ratios, grad_norm: all } = readings[0]!.metrics as { block_grad_norms: number[]; block_update_ratios: number[]; grad_norm: number };
    expect(norms).toHaveLength(5);
    expect(norms.reduce((sum, norm) => sum + norm ** 2, 0)).toBeCloseTo(all ** 2, 4);
    const names = Object.keys(before).filter((name) => Object.hasOwn(before, `exp_avg.${name}`));
    const lengthOf = (tensors: readonly ArrayLike<number>[]): number => Math.sqrt(tensors.reduce((sum, values) => sum + Array.from(values).reduce((part, value) => part + value ** 2, 0), 0));
    partsOf(names, { depth: 3, masksInput: resolved.method === 'simmim' }).forEach((part, i) => {
      const moved = part.map((name) => before[name]!.data.map((value: number, j: number) => after[name]!.data[j]! - value) as HostTensor['data']);
      const expected = part.length === 0 ? 0 : lengthOf(moved) / lengthOf(part.map((name) => before[name]!.data));
      expect(ratios[i]!).toBeCloseTo(expected, 6);
      expect(ratios[i]! > 0).toBe(part.length > 0);
    });
  });

  it('change nothing of the training', async () => {
    for (const [, input] of inputs.slice(0, 2)) {
      const [plain, recorded] = [await trained(input, false), await trained(input, true)];
      expect(Object.keys(plain.readings[0]!.metrics)).not.toContain('block_grad_norms');
      expect(recorded.readings.map(({ loss }) => loss)).toEqual(plain.readings.map(({ loss }) => loss));
      expect(recorded.after).toEqual(plain.after);
    }
  });
});

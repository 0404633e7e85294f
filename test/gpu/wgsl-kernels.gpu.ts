/** Kernels of our own on a GPU. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../../extension/training/engines/compiled/compile';
import type { Engine } from '../../extension/training/engines/engine';
import { createEngine } from '../../extension/training/engines/create';
import { planOf } from '../../extension/training/engines/wgsl/plan';
import { stepCase, stepSizes } from '../../bench/step-case';
import { computesEveryKernel } from '../unit/engines/every-kernel';

let engine: Engine;
beforeAll(async () => {
  ({ engine } = await createEngine({ kind: 'wgsl', threads: 1 }));
});
afterAll(() => engine.dispose());

computesEveryKernel(() => engine, 5e-6);

describe('the plan of a MaskAlign step', () => {
  const { graph } = compile(stepCase(stepSizes.micro).program, { device: 'wgsl' });

  it.each([8, 10, 16])('binds no kernel to more than %i buffers', (mostBuffers) => {
    for (const { name, reads, writes } of planOf(graph, { mostBuffers }).kernels) expect(reads.length + writes.length, name).toBeLessThanOrEqual(mostBuffers);
  });

  it('has a kernel a parameter for AdamW, and less than half as many kernels as operations', () => {
    const { kernels } = planOf(graph, { mostBuffers: 16 });
    const parameters = graph.outputs.filter(({ kind, name }) => kind === 'state' && name.startsWith('exp_avg.')).length;
    expect(kernels.filter(({ writes }) => writes.length === 3 && !writes.some((id) => id < 0)).length).toBeGreaterThanOrEqual(parameters);
    expect(kernels.length).toBeLessThan(graph.nodes.length / 2);
  });

  it('has no kernel more for a parameter where the loss is scaled', () => {
    const scaled = compile(stepCase(stepSizes.micro, { precision: 'float16' }).program, { device: 'wgsl' });
    const counts = [graph, scaled.graph].map((one) => planOf(one, { mostBuffers: 16 }).kernels.length);
    // Those of the scale itself, the gradient norm's and its readings.
    expect(counts[1]! - counts[0]!).toBeLessThanOrEqual(8);
  });
});

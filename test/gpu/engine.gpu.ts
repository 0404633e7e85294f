/** The promises of every engine, kept on WebGPU. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine, probeEngines } from '../../extension/training/engines/create';
import type { Engine } from '../../extension/training/engines/engine';
import { processorsEngine } from '../native-here';
import { wantsRealGpu } from '../software-vulkan';
import { gpuEngines } from './gpu-engines';
import { keepsEngineContract } from '../unit/engines/engine-contract';
import { momentumBatch, momentumProgram, momentumState } from '../unit/engines/small-programs';

describe.each(gpuEngines)('%s', (kind) => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await createEngine({ kind, threads: 1 }));
  });
  afterAll(() => engine.dispose());

  keepsEngineContract(() => engine);

  it('says what it is and runs on', () => {
    expect(engine.describe()).toMatchObject({ engine: kind, device: expect.any(String) as string });
  });

  it('refuses the state of the CPU, and the CPU its own', async () => {
    const { engine: cpu } = await createEngine({ kind: 'compiled-cpu', threads: 1 });
    const [here, there] = [await engine.compile(momentumProgram()), await cpu.compile(momentumProgram())];
    await expect(here.run(cpu.createState(momentumState()), [momentumBatch(1)])).rejects.toThrow(/state of another engine/);
    await expect(there.run(engine.createState(momentumState()), [momentumBatch(1)])).rejects.toThrow(/state of another engine/);
  });
});

it.skipIf(wantsRealGpu).each(gpuEngines)('%s works in software, is measured, and is not what auto takes', async (engineKind) => {
  const probes = await probeEngines();
  expect(probes.find(({ kind }) => kind === engineKind)).toMatchObject({ works: true, rate: { gflops: expect.any(Number) as number }, passedOver: expect.stringMatching(/software|slower/) as string });
  const { engine } = await createEngine({ kind: 'auto', threads: 1 });
  expect(engine.kind).toBe(processorsEngine);
  await engine.dispose();
});

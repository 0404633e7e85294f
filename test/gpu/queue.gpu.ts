/** Trainings of the queue on two GPUs in software: each job has one of its own, and the sweep's cells ask for theirs by themselves. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { QueueBench } from '../faults/queue-bench';
import { tinyExperiment } from '../faults/queue-experiment';
import { wantsRealGpu } from '../software-vulkan';
import { ensureBuilt } from '../unit/cli/built-mim';
import { severalDevices, type SeveralDevices } from './several-devices';

const [FIRST, SECOND] = ['SwiftShader Device (Subzero)', 'SwiftShader Second (Subzero)'];

const experiment = (engine: string, more = ''): string => tinyExperiment({ name: 'on-gpu' }).replace(/engine: .*/, `engine: ${engine}`) + more;

describe.skipIf(wantsRealGpu)('the queue', () => {
  let bench: QueueBench;
  let devices: SeveralDevices;
  beforeAll(async () => {
    ensureBuilt();
    devices = await severalDevices();
    bench = await QueueBench.open();
  });
  afterEach(() => vi.unstubAllEnvs());
  afterAll(async () => {
    await bench.close();
    await devices.remove();
  });

  async function add(name: string, text: string, ...args: readonly string[]): Promise<string[]> {
    const file = join(bench.folder, `${name}.mim.yaml`);
    await writeFile(file, text);
    return bench.add(file, ...args);
  }

  async function deviceOf(id: string): Promise<string> {
    const entry = await bench.entry(id);
    expect(entry, entry.reason).toMatchObject({ state: 'done' });
    const { engine } = JSON.parse(await readFile(join(entry.run!, 'environment.json'), 'utf8')) as { engine: { device: string } };
    return engine.device;
  }

  it('places jobs one a device, and leaves the one that an experiment names to it', async () => {
    vi.stubEnv('VK_ICD_FILENAMES', devices.different);
    const sweep = await add('sweep', experiment('{ kind: compiled-webgpu, threads: 1 }', 'sweep: { grid: { seed: [0, 1] } }\n'));
    const [named] = await add('named', experiment('{ kind: wgsl, threads: 1, device: 1 }'));
    expect((await bench.entry(sweep[0]!)).needs).toMatchObject({ device: 'gpu' });
    expect((await bench.entry(named!)).needs).toMatchObject({ device: 'gpu', gpu: 1 });
    await bench.runToEnd('--gpus', '2', '--threads', '8');
    expect(await Promise.all(sweep.map(deviceOf))).toEqual([FIRST, SECOND]);
    expect(await deviceOf(named!)).toBe(SECOND);
  });

  it('says what there is where a GPU that it gave is not there', async () => {
    vi.stubEnv('VK_ICD_FILENAMES', devices.different);
    const [id] = await add('third', experiment('{ kind: wgsl, threads: 1, device: 2 }'));
    await bench.runToEnd('--gpus', '3', '--threads', '8');
    expect(await bench.entry(id!)).toMatchObject({ state: 'failed', reason: expect.stringContaining(`There is no device 2. Here are 0: ${FIRST}, 1: ${SECOND}.`) as string });
  });
});

/** Trainings whose GPU is really lost, or really full, on the way: they end, say what happened, and go on from a good checkpoint. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { UserError } from '../../extension/core/problems';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { Diagnosis } from '../../extension/training/diagnosis';
import type { StateStore } from '../../extension/training/engines/engine';
import { WgslEngine } from '../../extension/training/engines/wgsl/wgsl-engine';
import { WgslState } from '../../extension/training/engines/wgsl/wgsl-state';
import { pretrain, resume, type PretrainOptions } from '../../extension/training/pretrain';
import { Probes } from '../../extension/training/probes';
import { RunSamples } from '../../extension/training/samples';
import { wantsRealGpu } from '../software-vulkan';
import { ensureBuilt, startMim } from '../unit/cli/built-mim';
import { deviceOf } from './lose-device';

/** Two steps an epoch, each an own run; a checkpoint, samples and a diagnosis each epoch; an evaluation at the end. */
const EXPERIMENT = `mim: 1
method: simmim
data: { kind: shapes, size: 16, test_size: 8, image_size: 8, threads: 1 }
student: { patch_size: 4, width: 8, depth: 1, heads: 1, mlp_ratio: 1 }
masking: { unit: 1, ratio: 0.5 }
optimizer: { batch_size: 8, lr: 1e-3 }
schedule: { epochs: 3, warmup_epochs: 0 }
checkpoints: { every: 1 }
diagnostics: { every: 1, images: 8 }
samples: { every: 1, count: 2 }
evaluate: [{ protocol: knn, k: 3, at: end, baselines: false }]
engine: { kind: wgsl, threads: 1, steps_per_run: 1 }
`;

let folder: string;
let configFile: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-lost-gpu-'));
  configFile = join(folder, 'micro.mim.yaml');
  await writeFile(configFile, EXPERIMENT);
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The device of the training that begins next. */
function nextDevice(): () => Promise<GPUDevice> {
  const create = vi.spyOn(WgslEngine, 'create');
  return async () => deviceOf((await create.mock.results.at(-1)!.value) as WgslEngine);
}

async function failed(name: string, options: Partial<PretrainOptions> = {}): Promise<{ readonly error: UserError; readonly run: RunDirectory }> {
  const error = await pretrain({ configFile, name, runsFolder: folder, ...options }).then(() => expect.unreachable(), (reason: UserError) => reason);
  vi.restoreAllMocks();
  return { error, run: await RunDirectory.open(join(folder, name)) };
}

const files = ['model.safetensors', 'state.safetensors'];

async function lastCheckpoint(path: string): Promise<Buffer[]> {
  const last = (await (await RunDirectory.open(path)).latestGoodCheckpoint())!;
  return Promise.all(files.map((file) => readFile(join(last.path, file))));
}

/** Begins to lose the device right before a method of a class is called for the `time`th time. */
function losesBefore<Method extends string>(prototype: Record<Method, (...given: never[]) => Promise<unknown>>, method: Method, time: number): void {
  const device = nextDevice();
  const real = prototype[method];
  let calls = 0;
  vi.spyOn(prototype as Record<string, (...given: never[]) => Promise<unknown>>, method).mockImplementation(async function (this: unknown, ...given) {
    if (++calls === time) (await device()).destroy();
    return real.apply(this, given);
  });
}

/** The device is lost while the whole state is copied to the host for the `time`th checkpoint. */
function losesInCheckpoint(time: number): void {
  const device = nextDevice();
  const read = Reflect.get(WgslState.prototype, 'read') as StateStore['read'];
  let checkpoints = 0;
  vi.spyOn(WgslState.prototype, 'read').mockImplementation(async function (this: WgslState, names) {
    const reading = read.call(this, names);
    if (names === undefined && ++checkpoints === time) (await device()).destroy();
    return reading;
  });
}

describe('a training whose GPU is lost', () => {
  let whole: Buffer[];
  beforeAll(async () => {
    await pretrain({ configFile, name: 'whole', runsFolder: folder });
    whole = await lastCheckpoint(join(folder, 'whole'));
  });

  it.each<readonly [when: string, checkpoint: number | undefined, arrange: () => void]>([
    ['as the first checkpoint is read', undefined, () => losesInCheckpoint(1)],
    ['as a later checkpoint is read', 2, () => losesInCheckpoint(3)],
    ['before the last samples are drawn', 6, () => losesBefore(RunSamples.prototype, 'due', 7)],
    ['before a diagnosis', 2, () => losesBefore(Diagnosis.prototype, 'ofTraining', 2)],
    ['before the last diagnosis', 6, () => losesBefore(Diagnosis.prototype, 'ofTraining', 4)],
    ['before the evaluation', 6, () => losesBefore(Probes.prototype, 'student', 1)],
  ])('%s ends, and goes on to the same bits', async (when, checkpoint, arrange) => {
    arrange();
    const { error, run } = await failed(when.replaceAll(' ', '-'));
    const last = checkpoint === undefined ? 'There is no checkpoint yet.' : `The last checkpoint is that of step ${checkpoint}.`;
    expect(error).toMatchObject({ code: 'MIM4011', message: expect.stringContaining(last) as string, hint: expect.stringContaining(`\`mim resume ${run.path}\` ${checkpoint === undefined ? 'begins anew' : 'goes on from there'}`) as string });
    expect(await run.state()).toBe('failed');
    expect((await run.latestGoodCheckpoint())?.step).toBe(checkpoint);
    expect(await readdir(run.inside('checkpoints')).catch(() => [])).toHaveLength((await run.listCheckpoints()).length);

    const { state, evaluations } = await resume({ run: run.path });
    expect({ state, evaluations: evaluations.length }).toEqual({ state: 'finished', evaluations: 1 });
    expect(await lastCheckpoint(run.path)).toEqual(whole);
  });

  it('ends between two steps', async () => {
    const device = nextDevice();
    const { error } = await failed('between', { events: { onStep: ({ step }) => void (step === 3 && device().then((one) => one.destroy())) } });
    expect(error).toMatchObject({ code: 'MIM4011', message: expect.stringMatching(/^The GPU was lost as .+ The last checkpoint is that of step 2\.$/) as string });
  });

  it('ends as a process by itself', async () => {
    ensureBuilt();
    const lost = startMim(['pretrain', configFile, '--runs', folder, '--name', 'process'], { NODE_OPTIONS: `--import ${pathToFileURL(resolvePath('test/gpu/lose-after.mjs')).href}`, MIM_TEST_LOSE_AFTER: '40' });
    expect((await lost.ended).code).toBe(1);
    expect(lost.stderr()).toMatch(/MIM4011.+The GPU was lost/);
  });
});

// A buffer as large as the limit says is more than SwiftShader can allocate, on any machine.
describe.skipIf(wantsRealGpu)('a training whose GPU is full', () => {
  /** Every buffer is asked for as large as the device allows. */
  async function fill(device: GPUDevice): Promise<void> {
    const create = device.createBuffer.bind(device);
    await Promise.resolve();
    device.createBuffer = (descriptor) => create({ ...descriptor, size: device.limits.maxBufferSize });
  }

  it('on the way ends, and says what would fit', async () => {
    const device = nextDevice();
    const { error, run } = await failed('full', { events: { onStep: ({ step }) => void (step === 3 && device().then(fill)) } });
    expect(error).toMatchObject({
      code: 'MIM4012',
      message: expect.stringMatching(/^The GPU was out of memory as it ran .+VK_ERROR_OUT_OF_DEVICE_MEMORY.+The last checkpoint is that of step 2\.$/) as string,
      hint: expect.stringMatching(/^A new run with `--set optimizer\.accumulate=2` computes 4 images at a time instead of 8, with the same 8 a step\. .+`mim resume .+` goes on from there/) as string,
    });
    expect(await run.state()).toBe('failed');
    expect(await resume({ run: run.path })).toMatchObject({ state: 'finished', steps: 6 });
  });

  it('in a diagnosis goes on without it', async () => {
    const device = nextDevice();
    const real = Diagnosis.prototype.ofTraining;
    vi.spyOn(Diagnosis.prototype, 'ofTraining').mockImplementation(async function (this: Diagnosis, ...given) {
      const gpu = await device();
      await fill(gpu);
      try {
        return await real.apply(this, given);
      } finally {
        Reflect.deleteProperty(gpu, 'createBuffer');
      }
    });
    const said: string[] = [];
    const { state } = await pretrain({ configFile, name: 'undiagnosed', runsFolder: folder, events: { onMessage: (line) => void said.push(line) } });
    expect(state).toBe('finished');
    expect(said.filter((line) => /^No diagnostics at step \d, training goes on: The GPU was out of memory/.test(line))).toHaveLength(4);
    expect(await lastCheckpoint(join(folder, 'undiagnosed'))).toEqual(await lastCheckpoint(join(folder, 'whole')));
  });
});

it('a training with a value larger than the GPU takes ends before its first step', async () => {
  // Attention of 257 tokens, of eight heads and 2048 images: 4.03 GiB.
  const overrides = { 'data.size': '2048', 'data.image_size': '64', 'optimizer.batch_size': '2048', 'student.heads': '8' };
  const { error, run } = await failed('larger', { overrides });
  expect(error).toMatchObject({ code: 'MIM4012', message: expect.stringMatching(/not enough memory for one value: float32\[.+\] takes [\d.]+ GiB, and one may take [\d.]+ GiB\. There is no checkpoint yet\.$/) as string, hint: expect.stringContaining('`--set optimizer.accumulate=2`') as string });
  expect(await run.state()).toBe('failed');
  expect(await run.readMetrics()).toEqual([]);
});

import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { vitMetadata } from '../../../extension/core/checkpoints/vit-metadata';
import { plainVit, timmSpecs } from '../../../extension/core/checkpoints/teacher-shape';
import { writeSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { UserError } from '../../../extension/core/problems';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { evaluateRun } from '../../../extension/training/evaluate';
import { identityOf } from '../../../extension/training/data/identity';
import { openImageSource } from '../../../extension/training/data/open-source';
import type { ImageSource } from '../../../extension/training/data/source';
import { initialTensors } from '../../../extension/training/nn/initialise';
import { pretrain, resume } from '../../../extension/training/pretrain';
import { RandomStream } from '../../../extension/training/random';
import { StopSignal } from '../../../extension/training/stop-signal';
import sharp from 'sharp';
import { dataConfig } from '../data/fixtures';
import { COMMIT, HubServer } from '../hub/hub-server';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-inputs-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const vit = { imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2, mlpRatio: 1, dropPath: 0 };

async function writeTeacher(file: string, seed: number): Promise<void> {
  const shape = plainVit(vit, [0.5, 0.5, 0.5], [0.2, 0.2, 0.2]);
  await mkdir(dirname(file), { recursive: true });
  await writeSafetensors(file, initialTensors(new RandomStream(seed, 'teacher'), timmSpecs(shape)), vitMetadata(shape));
}

async function writeImages(root: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const file = join(root, i % 2 === 0 ? 'cat' : 'dog', `${i}.png`);
    await mkdir(dirname(file), { recursive: true });
    await sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 20 * i, g: 100, b: 50 } } }).png().toFile(file);
  }
}

/** A run that was stopped after its first step, on images and a teacher of its own. */
async function stoppedRun(name: string, checkpoint = 'teacher.safetensors'): Promise<{ run: string; teacher: string; images: string }> {
  const home = join(folder, name);
  const [teacher, images] = [join(home, 'teacher.safetensors'), join(home, 'images')];
  await writeTeacher(teacher, 1);
  await writeImages(images, 8);
  await writeFile(
    join(home, 'my.mim.yaml'),
    `mim: 1
method: maskalign
data: { path: images, image_size: 8, holdout: 0.25 }
student: { patch_size: 4, width: 8, depth: 1, heads: 2, mlp_ratio: 1, drop_path: 0 }
teacher: { checkpoint: '${checkpoint}' }
masking: { ratio: 0.5 }
optimizer: { batch_size: 2, lr: 1e-3 }
schedule: { epochs: 2, warmup_epochs: 0, min_lr: 0 }
evaluate: [{ protocol: knn, at: end, k: 1, baselines: false }]
engine: { kind: tfjs-cpu }
`,
  );
  const signal = new StopSignal();
  const { run, state } = await pretrain({ configFile: join(home, 'my.mim.yaml'), signal, events: { onStep: () => signal.request('enough') } });
  expect(state).toBe('stopped');
  return { run, teacher, images };
}

async function refusal(run: string): Promise<UserError> {
  const error: unknown = await resume({ run }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).exitCode).toBe(2);
  expect((error as UserError).hint).toBeDefined();
  // Refused, the run is as it was and can be resumed later.
  const refused = await RunDirectory.open(run);
  expect(await refused.state()).toBe('stopped');
  await refused.lock();
  await refused.close();
  return error as UserError;
}

describe('a resumed run uses what it began with', () => {
  it('and says so in environment.json', async () => {
    const { run, teacher } = await stoppedRun('plain');
    const { teacher: pinned, data } = JSON.parse(await readFile(join(run, 'environment.json'), 'utf8')) as Record<string, Record<string, { images: number }>>;
    expect(pinned).toEqual({ file: teacher, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(data).toMatchObject({ train: { images: 6, fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string }, test: { images: 2 } });
    expect((await resume({ run })).state).toBe('finished');
  });

  it('not another teacher under the same name', async () => {
    const { run, teacher } = await stoppedRun('other-teacher');
    await writeTeacher(teacher, 2);
    expect((await refusal(run)).code).toBe('MIM8004');
  });

  it('and not without the teacher it had', async () => {
    const { run, teacher } = await stoppedRun('no-teacher');
    await rename(teacher, `${teacher}.old`);
    expect((await refusal(run)).message).toContain(teacher);
    await rename(`${teacher}.old`, teacher);
    expect((await resume({ run })).state).toBe('finished');
  });

  it('not more images, nor the same ones under other labels', async () => {
    const { run, images } = await stoppedRun('other-images');
    await copyFile(join(images, 'cat/0.png'), join(images, 'cat/more.png'));
    expect((await refusal(run)).message).toMatch(/6 then, 7 now/);
    await rm(join(images, 'cat/more.png'));
    await rename(join(images, 'cat/0.png'), join(images, 'dog/0.png'));
    expect((await refusal(run)).code).toBe('MIM8005');
  });
});

describe('a teacher from the Hub', () => {
  let server: HubServer | undefined;
  afterEach(async () => {
    vi.unstubAllEnvs();
    await server?.close();
  });

  async function served(): Promise<HubServer> {
    const file = join(folder, 'served.safetensors');
    await writeTeacher(file, 5);
    server = new HubServer('lab/vit', new Map([['model.safetensors', await readFile(file)]]));
    await server.listen();
    vi.stubEnv('HF_ENDPOINT', server.address);
    vi.stubEnv('HF_HUB_CACHE', join(folder, 'cache'));
    return server;
  }

  it('is pinned to its commit and content, and fetched again where the cache lost it', async () => {
    const hub = await served();
    const { run } = await stoppedRun('hub', 'hf://lab/vit');
    const { teacher: pinned } = JSON.parse(await readFile(join(run, 'environment.json'), 'utf8')) as { teacher: { file: string; sha256: string; source: string } };
    expect(pinned).toEqual({ file: join(folder, 'cache', 'models--lab--vit', 'snapshots', COMMIT, 'model.safetensors'), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string, source: `hf://lab/vit@${COMMIT}/model.safetensors` });
    expect(await readFile(join(run, 'config.yaml'), 'utf8')).toContain('checkpoint: hf://lab/vit');
    await rm(join(folder, 'cache'), { recursive: true });
    hub.requests.length = 0;
    const lines: string[] = [];
    expect((await resume({ run, events: { onMessage: (line) => lines.push(line) } })).state).toBe('finished');
    expect(hub.requests.filter(({ host }) => host === 'store')).toHaveLength(1);
    expect(lines.some((line) => line.startsWith('Downloading lab/vit/model.safetensors'))).toBe(true);
  });

  it('that cannot be had is told at the key that names it', async () => {
    (await served()).misbehaves.refuses = { status: 401, code: 'GatedRepo' };
    await expect(stoppedRun('gated', 'hf://lab/vit')).rejects.toMatchObject({ code: 'MIM3102', problems: [{ key: 'teacher.checkpoint', range: { start: { line: 5 } } }] });
  });
});

describe('a resumed run', () => {
  it('goes on with the engine that saved it, whatever is asked for now', async () => {
    const { run } = await stoppedRun('engine');
    const config = join(run, 'config.yaml');
    await writeFile(config, (await readFile(config, 'utf8')).replace('kind: tfjs-cpu', 'kind: auto'));
    await resume({ run });
    const last = (await (await RunDirectory.open(run)).listCheckpoints()).at(-1)!;
    expect(last.step).toBe(6);
    expect(JSON.parse(await readFile(join(last.path, 'state.json'), 'utf8'))).toMatchObject({ engine: 'tfjs-cpu', threads: 1 });
  });

  it('is not touched while another trains in it', async () => {
    const { run } = await stoppedRun('locked');
    const other = await RunDirectory.open(run);
    await other.lock();
    await rm(join(run, 'environment.json'));
    await expect(resume({ run })).rejects.toThrow(/being trained by process/);
    await other.close();
    expect((await resume({ run })).state, 'a run that does not say what it began with goes on').toBe('finished');
  });
});

describe('an evaluation', () => {
  const evaluation = { protocol: 'knn', features: 'cls', preset: 'small', k: 1, temperature: 0.07, baselines: false } as const;

  it('is kept in the run only where nothing of the run was changed for it', async () => {
    const { run } = await stoppedRun('evaluated');
    const kept = async (): Promise<number> => (await (await RunDirectory.open(run)).readEvaluations()).length;
    await evaluateRun({ target: run, evaluation, overrides: { 'data.seed': '5' } });
    await evaluateRun({ target: run, evaluation, configFile: join(dirname(dirname(run)), 'my.mim.yaml') });
    expect(await kept()).toBe(0);
    await evaluateRun({ target: run, evaluation });
    expect(await kept()).toBe(1);
  });
});

describe('the identity of images', () => {
  it('is the same wherever they lie, and another for another name, label or order', async () => {
    const identity = async (home: string) => {
      const config = dataConfig({ path: join(folder, home), holdout: 0 });
      return identityOf(await openImageSource(config, 'train', 0), config);
    };
    for (const home of ['here/set', 'there/deeper/set']) await writeImages(join(folder, home), 4);
    expect(await identity('there/deeper/set')).toEqual(await identity('here/set'));
    await rename(join(folder, 'there/deeper/set/cat/0.png'), join(folder, 'there/deeper/set/cat/zero.png'));
    expect(await identity('there/deeper/set')).toMatchObject({ images: 4 });
    expect(await identity('there/deeper/set')).not.toEqual(await identity('here/set'));

    const source = (label: number): ImageSource => ({ length: 1, classNames: ['a', 'b'], readerSpec: { kind: 'files', paths: [] }, label: () => label, name: () => 'x', describe: () => '' });
    expect(identityOf(source(0), dataConfig({}))).not.toEqual(identityOf(source(1), dataConfig({})));
  });
});

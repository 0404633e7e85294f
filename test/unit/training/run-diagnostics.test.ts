import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { diagnoseRun } from '../../../extension/training/diagnose';
import type { Diagnostics } from '../../../extension/core/runs/diagnostics';
import { EarlyWarnings } from '../../../extension/training/early-warnings';
import { pretrain, resume } from '../../../extension/training/pretrain';
import { StopSignal } from '../../../extension/training/stop-signal';
import { resolvedOf } from '../config/experiment-of';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-run-diagnostics-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** 8 steps an epoch, two epochs; the teacher is the student's average. */
const EXPERIMENT = `mim: 1
method: maskalign
data: { kind: shapes, size: 32, image_size: 8, threads: 1 }
student: { patch_size: 4, width: 8, depth: 2, heads: 2, mlp_ratio: 1, drop_path: 0.1 }
teacher: { ema: { momentum: 0.9 } }
masking: { ratio: 0.5 }
optimizer: { batch_size: 4, lr: 1e-3 }
schedule: { epochs: 2, warmup_epochs: 0 }
samples: { count: 0 }
engine: { kind: compiled-cpu, threads: 1, steps_per_run: 4 }
`;
const DIAGNOSED = `${EXPERIMENT}diagnostics: { every: 0.75, images: 16 }\n`;

async function experimentFile(name: string, text: string): Promise<string> {
  const file = join(folder, `${name}.mim.yaml`);
  await writeFile(file, text);
  return file;
}

async function recordedSteps(run: string): Promise<number[]> {
  const names = await readdir(join(run, 'diagnostics')).catch(() => []);
  return names.map((name) => Number(/^step-(\d+)\.json$/.exec(name)?.[1])).sort((a, b) => a - b);
}

const recordFile = (run: string, step: number): string => join(run, 'diagnostics', `step-${step}.json`);
const recordOf = async (run: string, step: number): Promise<Diagnostics> => JSON.parse(await readFile(recordFile(run, step), 'utf8')) as Diagnostics;

async function weightsAndLosses(path: string): Promise<unknown> {
  const run = await RunDirectory.open(path);
  const checkpoints = await run.listCheckpoints();
  const files = await Promise.all(checkpoints.flatMap((info) => ['model', 'method', 'state'].map(async (name) => (await readFile(join(info.path, `${name}.safetensors`))).toString('base64'))));
  return { steps: checkpoints.map(({ step }) => step), files, losses: (await run.readMetrics()).map(({ step, loss }) => [step, loss]) };
}

describe('diagnostics along a training', () => {
  it('are of the start, of every due step and of the end, and change nothing of the training', async () => {
    const plain = await pretrain({ configFile: await experimentFile('plain', EXPERIMENT) });
    const watched = await pretrain({ configFile: await experimentFile('watched', DIAGNOSED) });
    expect(await recordedSteps(plain.run)).toEqual([]);
    expect(await recordedSteps(watched.run)).toEqual([0, 6, 12, 16]);
    expect(await weightsAndLosses(watched.run)).toEqual(await weightsAndLosses(plain.run));

    const first = await recordOf(watched.run, 0);
    expect(first).toMatchObject({ step: 0, images: 16, grid: 2, encoders: [{ subject: 'student' }, { subject: 'random' }, { subject: 'teacher' }] });
    // Before the first step the student is the untrained one, and its average too.
    expect(first.encoders[0]!.levels).toEqual(first.encoders[1]!.levels);
    first.cka!.forEach((row, level) => expect(row[level]).toBeCloseTo(1, 5));
    const last = await recordOf(watched.run, 16);
    expect(last.encoders[0]!.levels).not.toEqual(first.encoders[0]!.levels);
    expect(last.encoders[1]).toEqual(first.encoders[1]);
  });

  it('are what is found of the checkpoint afterwards', async () => {
    const { run } = await pretrain({ configFile: await experimentFile('afterwards', `${DIAGNOSED}name: afterwards\n`) });
    const along = await recordOf(run, 16);
    expect(await diagnoseRun({ target: run, images: 16 })).toEqual(along);
    expect(await recordOf(run, 16)).toEqual(along);
  });

  it('that are there are kept on resuming; of what was missed only the step that is resumed from is made up for', async () => {
    const signal = new StopSignal();
    const { run } = await pretrain({ configFile: await experimentFile('resumed', DIAGNOSED), signal, events: { onStep: ({ step }) => step >= 12 && signal.request('enough') } });
    // A stop does not wait for what is due.
    expect(await recordedSteps(run)).toEqual([0, 6]);
    await rm(recordFile(run, 6));
    await writeFile(recordFile(run, 0), '{}');
    expect((await resume({ run })).state).toBe('finished');
    expect(await recordedSteps(run)).toEqual([0, 12, 16]);
    expect(await readFile(recordFile(run, 0), 'utf8')).toBe('{}');
  });

  it('that fail are told of and do not end the training', async () => {
    const messages: string[] = [];
    const text = DIAGNOSED.replace('size: 32', 'size: 32, limit: 3').replace('batch_size: 4', 'batch_size: 3');
    const { run, state } = await pretrain({ configFile: await experimentFile('failing', text), events: { onMessage: (line) => messages.push(line) } });
    expect(state).toBe('finished');
    expect(messages).toContain('No diagnostics at step 0, training goes on: 3 images are too few to compare representations on.');
    expect(await recordedSteps(run)).toEqual([]);
    expect(await readFile(join(run, 'log.txt'), 'utf8')).toContain('No diagnostics at step 0');
  });
});

describe('a training that goes wrong', () => {
  it('says so itself, once, in its log and to whoever started it', async () => {
    // Every image is the same, and so are its features.
    const home = join(folder, 'same');
    for (let i = 0; i < 8; i++) {
      await mkdir(join(home, 'images', 'grey'), { recursive: true });
      await sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 90, g: 90, b: 90 } } }).png().toFile(join(home, 'images', 'grey', `${i}.png`));
    }
    const text = DIAGNOSED.replace('kind: shapes, size: 32', "path: 'same/images'").replace('every: 0.75', 'every: 1');
    const messages: string[] = [];
    const { run } = await pretrain({ configFile: await experimentFile('same', text), events: { onMessage: (line) => messages.push(line) } });
    expect(messages.filter((line) => line.startsWith('Warning:'))).toEqual([expect.stringMatching(/^Warning: The features of the last block collapse at step 2: their deviation between images is \S+, near 0.354 is healthy\.$/)]);
    expect(await readFile(join(run, 'log.txt'), 'utf8')).toContain('Warning: The features of the last block collapse');
  });

  it('tells of a loss that diverges', () => {
    const told: string[] = [];
    const warnings = new EarlyWarnings(resolvedOf(), (line) => told.push(line));
    warnings.recall(Array.from({ length: 200 }, (_, i) => ({ step: i + 1, epoch: 1, loss: 0.5 })));
    for (let step = 201; step <= 500; step++) warnings.recorded({ step, epoch: 1, loss: 2 });
    expect(told).toEqual(['Warning: The loss diverges: 2 now, 0.5 at its lowest.']);
  });
});

describe('the loss by mask ratio of a checkpoint', () => {
  it('is kept with its diagnostics, and stays when they are made again', async () => {
    const { run } = await pretrain({ configFile: await experimentFile('ratios', `${EXPERIMENT}name: ratios\n`) });
    const { lossByRatio } = await diagnoseRun({ target: run, images: 16, ratios: true });
    expect(lossByRatio!.map(({ strategy, points }) => [strategy, points.length])).toEqual([['random', 8], ['attentive', 8]]);
    // At a ratio of 0 nothing is drawn.
    expect(lossByRatio![0]!.points[0]).toEqual(lossByRatio![1]!.points[0]);
    expect(lossByRatio![0]!.points.map(({ keep }) => keep)).toEqual([4, 3, 3, 2, 2, 2, 1, 1]);
    expect((await recordOf(run, 16)).lossByRatio).toEqual(lossByRatio);
    await diagnoseRun({ target: run, images: 16 });
    expect((await recordOf(run, 16)).lossByRatio).toEqual(lossByRatio);
    const aside = diagnoseRun({ target: run, images: 16, ratios: true, overrides: { seed: '1' }, configFile: join(folder, 'ratios.mim.yaml') });
    await expect(aside).rejects.toMatchObject({ code: 'MIM6202' });
  });
});

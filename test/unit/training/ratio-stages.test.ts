/** A mask ratio that changes over the training: in stages, the same when resumed, and costed as it is trained. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { readSafetensors } from '../../../extension/core/checkpoints/safetensors';
import { gmacPerImage } from '../../../extension/core/config/cost';
import { atRatio, ratioStages, stageRatios } from '../../../extension/core/config/ratio-stages';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { pretrain, resume } from '../../../extension/training/pretrain';
import { experiment } from '../model/experiments';

const student = { imageSize: 32, patchSize: 4, width: 16, depth: 2, heads: 2, mlpRatio: 4, dropPath: 0 };
const rising = experiment({ method: 'mae', masking: { ratio: 0.5, ratio_end: 0.9, ratio_stages: 3 } }, student);

describe('the stages', () => {
  test('go from the first ratio to the last, evenly', () => {
    expect(stageRatios(rising.masking)).toEqual([0.5, 0.7, 0.9]);
    expect(ratioStages(rising, 100).map(({ fromStep, experiment: { masking, derived } }) => [fromStep, masking.ratio, derived.keepCount])).toEqual([[0, 0.5, 32], [33, 0.7, 19], [67, 0.9, 6]]);
  });

  test('may fall, and are five where nothing is said', () => {
    const falling = experiment({ method: 'mae', masking: { ratio: 0.9, ratio_end: 0.5 } }, student);
    expect(stageRatios(falling.masking)).toEqual([0.9, 0.8, 0.7, 0.6, 0.5]);
    expect(falling.masking.ratio_stages).toBe(5);
  });

  test('are one where the ratio stays', () => {
    const plain = experiment({ method: 'mae' }, student);
    expect(ratioStages(plain, 100)).toEqual([{ fromStep: 0, experiment: plain }]);
  });

  test('cost the mean of what each costs', () => {
    const mean = [0.5, 0.7, 0.9].reduce((sum, ratio) => sum + gmacPerImage(atRatio(rising, ratio)).step / 3, 0);
    expect(gmacPerImage(rising).step).toBeCloseTo(mean, 12);
  });
});

describe('a run whose ratio rises', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mim-stages-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const config = (masking: string): string =>
    ['mim: 1', 'method: mae', `masking: ${masking}`, 'data: { kind: shapes, size: 64, image_size: 16 }', 'student: { patch_size: 4, width: 16, depth: 2, heads: 2 }',
      'optimizer: { batch_size: 8, lr: 1e-3 }', 'schedule: { epochs: 2 }', 'samples: { count: 2 }', 'engine: { kind: compiled-cpu, threads: 1, steps_per_run: 3 }', 'runs: runs'].join('\n');

  async function finished(path: string): Promise<{ weights: string; losses: number[] }> {
    const run = await RunDirectory.open(path);
    const last = (await run.listCheckpoints()).at(-1)!;
    const { tensors } = await readSafetensors(join(last.path, 'model.safetensors'));
    const losses = (await readFile(run.inside('metrics.jsonl'), 'utf8')).trim().split('\n').map((line) => (JSON.parse(line) as { loss: number }).loss);
    return { weights: JSON.stringify(Object.entries(tensors).map(([name, { data }]) => [name, Array.from(data)])), losses };
  }

  it('ends the same when it was stopped within a stage', async () => {
    const configFile = join(folder, 'rising.mim.yaml');
    await writeFile(configFile, config('{ ratio: 0.5, ratio_end: 0.75, ratio_stages: 2 }'));
    const whole = await finished((await pretrain({ configFile, name: 'whole' })).run);
    const halves = await pretrain({ configFile, name: 'halves', untilEpoch: 1.5 });
    expect(halves.steps).toBe(12);
    expect(await finished((await resume({ run: halves.run })).run)).toEqual(whole);
  });

  it('begins as one that stays at the first ratio, and leaves it where the second stage begins', async () => {
    const paths = await Promise.all(
      [['rises', '{ ratio: 0.5, ratio_end: 0.75, ratio_stages: 2 }'], ['stays', '{ ratio: 0.5 }']].map(async ([name, masking]) => {
        const configFile = join(folder, `${name}.mim.yaml`);
        await writeFile(configFile, config(masking!));
        return (await pretrain({ configFile })).run;
      }),
    );
    const [rises, stays] = await Promise.all(paths.map(finished));
    expect(rises!.losses.slice(0, 8)).toEqual(stays!.losses.slice(0, 8));
    expect(rises!.losses[8]).not.toBe(stays!.losses[8]);
  });
});

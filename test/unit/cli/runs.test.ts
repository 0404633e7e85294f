import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainVit, timmSpecs } from '../../../extension/core/checkpoints/teacher-shape';
import { vitMetadata } from '../../../extension/core/checkpoints/vit-metadata';
import { inspectFile } from '../../../extension/core/checkpoints/inspect';
import { freezeResolved } from '../../../extension/core/config/freeze';
import { loadExperiment } from '../../../extension/core/config/load';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { elementCount, float32, type NamedTensors } from '../../../extension/core/tensors';
import type { Diagnostics } from '../../../extension/core/runs/diagnostics';
import { mim } from './recording-terminal';

const experiment = `
mim: 1
method: supervised
data: { kind: shapes, image_size: 8 }
student: { patch_size: 4, width: 8, depth: 1, heads: 2 }
optimizer: { batch_size: 8, lr: 1e-3 }
`;

let folder: string;

/** A run as a trainer would leave it after 30 of 40 steps, with an average of the weights. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mim-runs-'));
  const file = join(folder, 'small.mim.yaml');
  await writeFile(file, experiment);
  const { resolved, source } = await loadExperiment(file);
  const run = await RunDirectory.create(folder, 'small', { resolvedYaml: freezeResolved(resolved), sourceYaml: source, environment: {} });
  await run.writeStatus({ state: 'stopped', step: 30, totalSteps: 40, epoch: 3, totalEpochs: 4, loss: 1.25, imagesPerSecond: 512 });
  const shape = plainVit(resolved.student);
  const filled = (value: number, prefix = ''): NamedTensors =>
    Object.fromEntries(Object.entries(timmSpecs(shape)).map(([name, spec]) => [prefix + name, float32(spec.shape, new Float32Array(elementCount(spec.shape)).fill(value))]));
  await run.saveCheckpoint({ step: 30, epoch: 3, model: filled(1), method: {}, state: filled(2, 'ema.'), stateJson: { step: 30 }, metadata: vitMetadata(shape) });
  await run.writeEvaluation('knn', 20, { protocol: 'knn', subject: 'student', features: 'cls', top1: 0.5 });
  await run.writeEvaluation('linear', 30, { protocol: 'linear', subject: 'student', features: 'cls', top1: 0.625 });
  await run.writeEvaluation('linear-teacher', 0, { protocol: 'linear', subject: 'teacher', features: 'cls', top1: 0.9 });
  await run.close();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a folder with a run', () => {
  it('is listed with state, method, progress, the best probe of the student and speed', async () => {
    const { stdout, stderr } = await mim('runs', folder);
    expect(stdout).toMatch(/^small +stopped +supervised +30\/40 +62\.50 % linear +512 +\d+s$/m);
    expect(stderr).toBe('');
  });

  it('is listed with --json as one document', async () => {
    const { stdout } = await mim('runs', folder, '--json');
    expect(JSON.parse(stdout)).toMatchObject([{ id: 'small', state: 'stopped', method: 'supervised', status: { step: 30 }, checkpoints: [{ step: 30 }] }]);
  });

  it('still lists a run whose status and config are damaged', async () => {
    const damaged = join(folder, 'damaged');
    const run = await RunDirectory.create(folder, 'damaged', { resolvedYaml: 'not: [a config', sourceYaml: '', environment: {} });
    await run.close();
    await writeFile(join(damaged, 'status.json'), '{"state": "runn');
    const { stdout, exitCode } = await mim('runs', folder);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^damaged +lost +\?/m);
    expect(stdout).toMatch(/^small /m);
    await rm(damaged, { recursive: true });
  });

  it('can be inspected by id', async () => {
    const { stdout } = await mim('inspect', 'small', '--runs', folder);
    expect(stdout).toContain('step 30 of 40');
    expect(stdout).toContain('step-000030');
    expect(stdout).toMatch(/teacher +linear +cls +0 +90\.00 %/);
  });

  it('can be diagnosed: a table a level beside an untrained student, and the same in the run', async () => {
    const { stdout, exitCode } = await mim('diagnose', 'small', '--runs', folder, '--images', '10');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^student, 1 level\nlevel +distance .*RankMe +collapse std\n.*\n +1 /m);
    expect(stdout).toContain('random, 1 level');
    const kept = JSON.parse(await readFile(join(folder, 'small', 'diagnostics', 'step-30.json'), 'utf8')) as Diagnostics;
    expect(kept).toMatchObject({ step: 30, images: 10, grid: 2, encoders: [{ subject: 'student' }, { subject: 'random' }] });
    // All weights are 1: every token is the same in all its channels, and LayerNorm leaves nothing of it.
    expect(kept.encoders[0]!.levels[0]!.rankMe).toBeLessThan(1.01);
    expect(kept.encoders[1]!.levels[0]!.rankMe).toBeGreaterThan(1.01);
  });

  it('is not diagnosed on too few images', async () => {
    const { stderr, exitCode } = await mim('diagnose', 'small', '--runs', folder, '--images', '3');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('MIM6201');
  });

  it('has nothing to stop where it is not running', async () => {
    const { stdout, exitCode } = await mim('stop', 'small', '--runs', folder, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'stopped', requested: false });
  });

  it('a mistyped id is answered with the nearest one', async () => {
    const { stderr, exitCode } = await mim('inspect', 'smal', '--runs', folder);
    expect(exitCode).toBe(4);
    expect(stderr).toContain(`Did you mean ${join(folder, 'small')}?`);
  });

  it.each([
    ['the weights', [], 1],
    ['their average', ['--ema'], 2],
  ] as const)('exports %s under timm names and nothing else', async (_what, flags, value) => {
    const output = join(folder, 'out.safetensors');
    const { exitCode } = await mim('export', 'small', '--runs', folder, '--output', output, ...flags);
    expect(exitCode).toBe(0);
    const { tensors, model } = await inspectFile(output);
    expect(tensors.map(({ name }) => name)).toEqual(Object.keys(timmSpecs(model!.shape)));
    const { stdout } = await mim('inspect', output, '--stats', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ statistics: { 'blocks.0.attn.qkv.weight': { min: value, max: value } } });
  });
});

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../extension/core/checkpoints/safetensors';
import { listRuns } from '../../extension/core/runs/list-runs';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { readSweeps } from '../../extension/core/sweeps/record';
import { answerOf, ensureBuilt, startMim } from '../unit/cli/built-mim';
import { tinyExperiment } from './sweep-experiment';

let folder: string;
beforeAll(async () => {
  ensureBuilt();
  folder = await mkdtemp(join(tmpdir(), 'mim-sweep-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('mim sweep', { timeout: 120_000 }, () => {
  it('runs each cell once, keeps what belongs together, and passes over what is done', async () => {
    const config = join(folder, 'study.mim.yaml');
    await writeFile(config, `${tinyExperiment}sweep: { grid: { masking.ratio: [0.25, 0.5] } }\n`);
    const refused = await answerOf('pretrain', config);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('mim sweep');

    expect((await answerOf('sweep', config, '--dry-run')).stdout).toContain('2 to run');
    expect(await readSweeps(join(folder, 'runs'))).toEqual([]);

    const first = await answerOf('sweep', config);
    expect(first.code, first.stderr).toBe(0);
    const runs = await listRuns(join(folder, 'runs'));
    expect(runs.map(({ id, state }) => [id, state]).sort()).toEqual([['study-ratio-0.25', 'finished'], ['study-ratio-0.5', 'finished']]);
    const environment = JSON.parse(await readFile(join(folder, 'runs', 'study-ratio-0.5', 'environment.json'), 'utf8')) as object;
    expect(environment).toMatchObject({ sweep: 'study', sweepCell: { name: 'study-ratio-0.5', values: { 'masking.ratio': 0.5 } }, experimentFile: config });
    expect(await readSweeps(join(folder, 'runs'))).toMatchObject([{ name: 'study', cells: [{ name: 'study-ratio-0.25' }, { name: 'study-ratio-0.5' }] }]);

    const alignment = await readFile(join(folder, 'runs', 'study-ratio-0.5', 'alignment.jsonl'), 'utf8');
    const records = alignment.trimEnd().split('\n').map((line) => JSON.parse(line) as { step: number; weights: number[][] });
    expect(records[0]).toEqual({ step: 0, weights: [[1.01, 0.01], [0.01, 1.01]] });
    expect(records.at(-1)!.step).toBe(32);

    expect((await answerOf('sweep', config)).code).toBe(0);
    expect(await listRuns(join(folder, 'runs'))).toHaveLength(2);
  });
});

describe('a run that starts from another', { timeout: 120_000 }, () => {
  it('has its weights at step 0 and pictures of what it sees', async () => {
    const config = join(folder, 'first.mim.yaml');
    await writeFile(config, tinyExperiment);
    const runs = join(folder, 'branch');
    expect((await answerOf('pretrain', config, '--runs', runs, '--name', 'first')).code).toBe(0);
    const second = await answerOf('pretrain', config, '--runs', runs, '--name', 'second', '--set', `init.checkpoint=${join(runs, 'first', 'checkpoints', 'step-000016')}`, '--set', 'schedule.max_steps=8');
    expect(second.code, second.stderr).toBe(0);
    const weightsOf = async (run: string, step: string) => (await readSafetensors(join(runs, run, 'checkpoints', step, 'model.safetensors'))).tensors;
    const [from, at0] = [await weightsOf('first', 'step-000016'), await weightsOf('second', 'step-000000')];
    expect(at0).toEqual(from);
    expect((await readdir(join(runs, 'second', 'samples'))).sort()).toEqual(['attention-000000.png', 'attention-000008.png', 'masks-000000.png', 'masks-000008.png']);
  });

  it('of other dimensions is refused at the key', async () => {
    const config = join(folder, 'wider.mim.yaml');
    await writeFile(config, `${tinyExperiment.replace('width: 16', 'width: 32')}init: { checkpoint: ${join(folder, 'branch', 'first')} }\n`);
    const refused = await answerOf('pretrain', config, '--runs', join(folder, 'branch'));
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/wider\.mim\.yaml:12:.*\n?.*MIM8006|MIM8006[^]*wider\.mim\.yaml:12/);
  });
});

describe('a training that is paused', { timeout: 120_000 }, () => {
  it('ends with the numbers of one that was not', async () => {
    const config = join(folder, 'long.mim.yaml');
    await writeFile(config, tinyExperiment.replace('epochs: 4', 'epochs: 200').replace('every: 2', 'every: 1000'));
    const runs = join(folder, 'long');
    const mim = startMim(['pretrain', config, '--runs', runs, '--name', 'paused']);
    await mim.said(/^step \d+/m);
    expect((await answerOf('pause', 'paused', '--runs', runs)).code).toBe(0);
    await mim.said(/Paused/);
    const run = await RunDirectory.open(join(runs, 'paused'));
    expect(await run.state()).toBe('paused');
    expect((await run.latestGoodCheckpoint())?.step).toBe((await run.readStatus()).step);
    await answerOf('continue', 'paused', '--runs', runs);
    expect((await mim.ended).code).toBe(0);

    expect((await answerOf('pretrain', config, '--runs', runs, '--name', 'whole')).code).toBe(0);
    const whole = await RunDirectory.open(join(runs, 'whole'));
    const [a, b] = [(await run.latestGoodCheckpoint())!, (await whole.latestGoodCheckpoint())!];
    for (const file of ['model.safetensors', 'method.safetensors', 'state.safetensors']) expect((await readFile(join(a.path, file))).equals(await readFile(join(b.path, file))), file).toBe(true);
    const losses = async (of: RunDirectory): Promise<unknown> => (await of.readMetrics()).map(({ step, loss }) => [step, loss]);
    expect(await losses(run)).toEqual(await losses(whole));
  });

  it('can be stopped, and killed is lost', async () => {
    const config = join(folder, 'endless.mim.yaml');
    await writeFile(config, tinyExperiment.replace('epochs: 4', 'epochs: 100000').replace('every: 2', 'every: 50000'));
    const runs = join(folder, 'endless');
    for (const end of ['stop', 'kill'] as const) {
      const mim = startMim(['pretrain', config, '--runs', runs, '--name', end]);
      await mim.said(/^step \d+/m);
      await answerOf('pause', end, '--runs', runs);
      await mim.said(/Paused/);
      if (end === 'stop') expect((await answerOf('stop', end, '--runs', runs)).code).toBe(0);
      else mim.process.kill('SIGKILL');
      expect((await mim.ended).code).toBe(end === 'stop' ? 3 : null);
      expect(await (await RunDirectory.open(join(runs, end))).state()).toBe(end === 'stop' ? 'stopped' : 'lost');
    }
  });
});

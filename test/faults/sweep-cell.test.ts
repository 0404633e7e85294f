import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandSweep } from '../../extension/core/config/sweep';
import { listRuns } from '../../extension/core/runs/list-runs';
import { RunDirectory } from '../../extension/core/runs/run-directory';
import { cellFiles, readCellExit } from '../../extension/core/sweeps/cell-files';
import { freezeSweep } from '../../extension/core/sweeps/freeze-sweep';
import { sweepFile } from '../../extension/core/sweeps/record';
import { answerOf, ensureBuilt, startMim, type RunningMim } from '../unit/cli/built-mim';
import { BURSTING, tinyExperiment } from './sweep-experiment';

let folder: string;
beforeAll(async () => {
  ensureBuilt();
  folder = await mkdtemp(join(tmpdir(), 'mim-cell-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Freezes a sweep; returns its json. */
async function frozen(name: string, text: string): Promise<string> {
  const file = join(folder, `${name}.mim.yaml`);
  await writeFile(file, text);
  const sweep = { ...expandSweep(text, file).sweep!, runs: join(folder, name) };
  await freezeSweep(sweep, text, file);
  return sweepFile(sweep.runs, sweep.name);
}

const statesIn = async (name: string): Promise<string[]> => (await listRuns(join(folder, name))).map(({ id, state }) => `${id}: ${state}`).sort();

const endless = `${tinyExperiment.replace('epochs: 4', 'epochs: 100000').replace('every: 2', 'every: 50000')}sweep: { seeds: 1 }\n`;

describe('mim cell', { timeout: 120_000 }, () => {
  it('trains a cell once, however often it is called, and leaves word of the end', async () => {
    const json = await frozen('once', `${tinyExperiment}sweep: { seeds: 2 }\n`);
    const first = await answerOf('cell', json, '1');
    expect(first.code, first.stderr).toBe(0);
    expect(await readCellExit(json, 1)).toMatchObject({ code: 0, state: 'done', run: join(folder, 'once', 'once-seed-1') });
    const second = await answerOf('cell', json, '1');
    expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining('is done') as string });
    expect(await statesIn('once')).toEqual(['once-seed-1: finished']);
    const environment = JSON.parse(await readFile(join(folder, 'once', 'once-seed-1', 'environment.json'), 'utf8')) as object;
    expect(environment).toMatchObject({ sweep: 'once', sweepCell: { name: 'once-seed-1', values: { seed: 1 } }, experimentFile: join(folder, 'once.mim.yaml') });
    expect(await readFile(join(folder, 'once', 'once-seed-1', 'source.yaml'), 'utf8')).toContain('sweep:');
    expect(await answerOf('cell', json, '2')).toMatchObject({ code: 4, stderr: expect.stringContaining('MIM7404') as string });
    expect(await answerOf('cell', join(folder, 'no.json'), '0')).toMatchObject({ code: 4, stderr: expect.stringContaining('MIM7403') as string });
  });

  it('tells the failure of one that failed, and runs it anew where that is asked for', async () => {
    const json = await frozen('burst', `${tinyExperiment}sweep: { grid: { optimizer.lr: [${BURSTING}] } }\n`);
    expect((await answerOf('cell', json, '0')).code).toBe(1);
    expect(await readCellExit(json, 0)).toMatchObject({ code: 1, state: 'failed', message: expect.stringContaining('step') as string });
    expect(await answerOf('cell', json, '0')).toMatchObject({ code: 1, stderr: expect.stringContaining('MIM7406') as string });
    expect(await statesIn('burst')).toHaveLength(1);
    expect((await answerOf('cell', json, '0', '--retry')).code).toBe(1);
    expect(await statesIn('burst')).toHaveLength(2);
  });

  it('is refused while another process works on it; the word of the end is that of the other', async () => {
    const json = await frozen('busy', endless);
    const atWork = startMim(['cell', json, '0']);
    await atWork.said(/^step \d+/m);
    expect(await answerOf('cell', json, '0')).toMatchObject({ code: 5, stderr: expect.stringContaining('MIM7405') as string });
    expect(await readCellExit(json, 0)).toBeUndefined();
    atWork.process.kill('SIGTERM');
    expect((await atWork.ended).code).toBe(3);
    expect(await readCellExit(json, 0)).toMatchObject({ code: 3, state: 'stopped', message: 'SIGTERM' });
    expect(await statesIn('busy')).toEqual(['busy-seed-0: stopped']);
  });

  it('is free again when the process that worked on it was killed, and goes on with its run', async () => {
    const json = await frozen('killed', endless);
    const killed = startMim(['cell', json, '0']);
    await killed.said(/^step \d+/m);
    killed.process.kill('SIGKILL');
    await killed.ended;
    expect(await readCellExit(json, 0)).toBeUndefined();
    const again: RunningMim = startMim(['cell', json, '0']);
    await again.said(/^step \d+/m);
    again.process.kill('SIGTERM');
    expect((await again.ended).code).toBe(3);
    expect(await statesIn('killed')).toEqual(['killed-seed-0: stopped']);
  });

  it('stops after an epoch with what is due there, and ends with the numbers of one that did not stop', async () => {
    const text = `${tinyExperiment}evaluate: [{ protocol: knn, every: 1, baselines: false }]\nsweep: { seeds: 1 }\n`;
    const [whole, parts] = [await frozen('whole', text), await frozen('parts', text)];
    expect((await answerOf('cell', whole, '0')).code).toBe(0);
    expect((await answerOf('cell', parts, '0', '--until-epoch', '1')).code).toBe(3);
    const run = await RunDirectory.open(join(folder, 'parts', 'parts-seed-0'));
    expect((await run.latestGoodCheckpoint())?.step).toBe(8);
    expect(new Set((await run.readEvaluations()).map(({ step }) => step))).toEqual(new Set([8]));
    expect(await readCellExit(parts, 0)).toMatchObject({ code: 3, state: 'stopped', message: expect.stringContaining('epoch 1') as string });
    expect((await answerOf('cell', parts, '0', '--until-epoch', '1')).code, 'there already').toBe(3);
    expect((await answerOf('cell', parts, '0')).code).toBe(0);
    const other = await RunDirectory.open(join(folder, 'whole', 'whole-seed-0'));
    const [a, b] = [(await run.latestGoodCheckpoint())!, (await other.latestGoodCheckpoint())!];
    expect(a.step).toBe(32);
    for (const file of ['model.safetensors', 'state.safetensors']) expect((await readFile(join(a.path, file))).equals(await readFile(join(b.path, file))), file).toBe(true);
  });

  it('does not train an experiment that is not the one listed', async () => {
    const json = await frozen('swapped', `${tinyExperiment}sweep: { seeds: 2 }\n`);
    await writeFile(cellFiles(json, 0).frozen, await readFile(cellFiles(json, 1).frozen));
    expect(await answerOf('cell', json, '0')).toMatchObject({ code: 1, stderr: expect.stringContaining('MIM7407') as string });
    expect(await statesIn('swapped')).toEqual([]);
  });
});

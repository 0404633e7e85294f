import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freezeResolved } from '../../../extension/core/config/freeze';
import { expandSweep, type SweepCell } from '../../../extension/core/config/sweep';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import type { RunStatus } from '../../../extension/core/runs/run-status';
import { planSweep, type RerunOptions } from '../../../extension/core/runs/sweep-plan';
import { readSweeps, writeSweep } from '../../../extension/core/runs/sweeps';
import { experimentText } from '../config/experiment-of';

let runs: string;
let cells: readonly SweepCell[];
beforeEach(async () => {
  runs = await mkdtemp(join(tmpdir(), 'mim-plan-'));
  cells = expandSweep(experimentText('sweep: { seeds: 2 }'), '/lab/study.mim.yaml').sweep!.cells;
});
afterEach(async () => {
  await rm(runs, { recursive: true, force: true });
});

/** A run of a cell under any name, as a trainer left it. */
async function runOf(cell: SweepCell, state: RunStatus['state']): Promise<void> {
  const run = await RunDirectory.create(runs, 'any-name', { resolvedYaml: freezeResolved(cell.resolved), sourceYaml: '', environment: {} });
  await run.writeStatus({ state });
  await run.close();
}

const actions = async (options: RerunOptions = {}): Promise<string[]> => (await planSweep(cells, runs, options)).map(({ state, action }) => `${state}: ${action}`);

describe('what a sweep does next', () => {
  it('runs what no run trains', async () => {
    expect(await actions()).toEqual(['missing: run', 'missing: run']);
  });

  it('passes over what is finished, whatever its run is called, unless asked again', async () => {
    await runOf(cells[1]!, 'failed');
    await runOf(cells[1]!, 'finished');
    expect(await actions()).toEqual(['missing: run', 'finished: skip']);
    expect(await actions({ again: true })).toEqual(['missing: run', 'finished: run']);
  });

  it('runs a failed cell only where that is asked for, and goes on with a stopped one', async () => {
    await runOf(cells[0]!, 'failed');
    await runOf(cells[1]!, 'stopped');
    expect(await actions()).toEqual(['failed: skip', 'stopped: resume']);
    expect(await actions({ retry: true })).toEqual(['failed: run', 'stopped: resume']);
  });

  it('leaves a run alone that is being trained', async () => {
    await runOf(cells[0]!, 'running');
    expect(await actions({ again: false, retry: true })).toEqual(['running: skip', 'missing: run']);
  });
});

describe('the record of a sweep', () => {
  it('is read back; another that is damaged is passed over', async () => {
    const record = { name: 'study', experimentFile: '/lab/study.mim.yaml', startedAt: '2026-01-01T00:00:00.000Z', cells: [{ name: 'a', values: { seed: 1 }, identity: 'x' }] };
    await writeSweep(runs, record);
    await writeSweep(runs, { ...record, name: 'torn', cells: 3 as unknown as [] });
    expect(await readSweeps(runs)).toEqual([record]);
  });
});

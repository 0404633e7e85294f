import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freezeResolved } from '../../../extension/core/config/freeze';
import { checkText } from '../../../extension/core/config/load';
import { expandSweep, experimentIdentity, type ExpandedSweep } from '../../../extension/core/config/sweep';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import type { RunStatus } from '../../../extension/core/runs/run-status';
import { cellFiles } from '../../../extension/core/sweeps/cell-files';
import { cellsToDo, type CellChoice } from '../../../extension/core/sweeps/cells-to-do';
import { askAnew, freezeSingle, freezeSweep } from '../../../extension/core/sweeps/freeze-sweep';
import { readSweep, readSweeps, runsFolderOf, sweepFile, writeSweep, type SweepRecord } from '../../../extension/core/sweeps/record';
import { sweepStatus } from '../../../extension/core/sweeps/status';
import { experimentText } from '../config/experiment-of';

let runs: string;
beforeEach(async () => {
  runs = await mkdtemp(join(tmpdir(), 'mim-sweeps-'));
});
afterEach(async () => {
  await rm(runs, { recursive: true, force: true });
});

function expanded(section: string): ExpandedSweep {
  return { ...expandSweep(experimentText(`sweep: ${section}`), '/lab/study.mim.yaml').sweep!, runs };
}

const freeze = (section: string): Promise<SweepRecord> => freezeSweep(expanded(section), experimentText(`sweep: ${section}`), '/lab/study.mim.yaml');

/** A run of a cell under any name, as a trainer left it. */
async function runOf(seed: number, state: RunStatus['state']): Promise<void> {
  const cell = expanded(`{ seeds: [${seed}] }`).cells[0]!;
  const run = await RunDirectory.create(runs, 'any-name', { resolvedYaml: freezeResolved(cell.resolved), sourceYaml: '', environment: {} });
  await run.writeStatus({ state });
  await run.close();
}

async function plan(record: SweepRecord, choice: CellChoice = {}): Promise<string[]> {
  const status = await sweepStatus(runs, record);
  const toDo = cellsToDo(status, choice);
  return status.map(({ index, state }) => `${index} ${state}${toDo.includes(index) ? ': go' : ''}`);
}

describe('what a sweep does next', () => {
  it('runs what no run trains', async () => {
    expect(await plan(await freeze('{ seeds: 2 }'))).toEqual(['0 missing: go', '1 missing: go']);
  });

  it('passes over what is finished, whatever its run is called, unless it is asked for anew', async () => {
    const record = await freeze('{ seeds: 2 }');
    await runOf(1, 'failed');
    await runOf(1, 'finished');
    expect(await plan(record)).toEqual(['0 missing: go', '1 finished']);
    expect(await plan(record, { again: true })).toEqual(['0 missing: go', '1 finished: go']);
    expect(await plan(await askAnew(runs, record, [1]))).toEqual(['0 missing: go', '1 missing: go']);
    expect(await plan(await freeze('{ seeds: 2 }')), 'also when it is started again').toEqual(['0 missing: go', '1 missing: go']);
  });

  it('goes on with a stopped cell, runs a failed one only for retry, and fills without either', async () => {
    const record = await freeze('{ seeds: 3 }');
    await runOf(0, 'failed');
    await runOf(1, 'stopped');
    expect(await plan(record)).toEqual(['0 failed', '1 stopped: go', '2 missing: go']);
    expect(await plan(record, { retry: true })).toEqual(['0 failed: go', '1 stopped', '2 missing']);
    expect(await plan(record, { fill: true })).toEqual(['0 failed', '1 stopped', '2 missing: go']);
    expect(await plan(record, { fill: true, retry: true })).toEqual(['0 failed: go', '1 stopped', '2 missing: go']);
  });

  it('leaves a run alone that is being trained', async () => {
    const record = await freeze('{ seeds: 2 }');
    await runOf(0, 'running');
    expect(await plan(record, { again: true })).toEqual(['0 running', '1 missing: go']);
  });

  it('tells a cell that was left behind from one that was stopped', async () => {
    const record = await freeze('{ seeds: 2 }');
    await runOf(0, 'stopped');
    const dropped = { epochs: 5, metric: 'knn', value: 0.1, at: '2026-01-01T00:00:00.000Z' };
    expect(await plan({ ...record, cells: [{ ...record.cells[0]!, dropped }, record.cells[1]!] })).toEqual(['0 dropped', '1 missing: go']);
  });
});

describe('a frozen sweep', () => {
  it('has an experiment for each cell that trains the same, with absolute paths', async () => {
    const sweep = expanded('{ grid: { masking.ratio: [0.25, 0.5] } }');
    const record = await freeze('{ grid: { masking.ratio: [0.25, 0.5] } }');
    const json = sweepFile(runs, 'study');
    expect(await readSweep(json)).toEqual(record);
    expect(runsFolderOf(json)).toBe(runs);
    for (const [index, cell] of sweep.cells.entries()) {
      const file = cellFiles(json, index).frozen;
      const { resolved, problems } = checkText(await readFile(file, 'utf8'), file);
      expect(problems).toEqual([]);
      expect(resolved).toMatchObject({ name: cell.name, runs });
      expect(experimentIdentity(resolved!)).toBe(cell.identity);
    }
  });

  it('keeps the index of a cell, appends new ones and marks what the experiment no longer has', async () => {
    await freeze('{ grid: { masking.ratio: [0.25, 0.5] } }');
    const record = await freeze('{ grid: { masking.ratio: [0.75, 0.5] } }');
    expect(record.cells.map(({ values, withdrawn }) => [values['masking.ratio'], withdrawn])).toEqual([[0.25, true], [0.5, undefined], [0.75, undefined]]);
    expect(await plan(record)).toEqual(['1 missing: go', '2 missing: go']);
    const back = await freeze('{ grid: { masking.ratio: [0.25] } }');
    expect(back.cells.map(({ withdrawn }) => withdrawn)).toEqual([undefined, true, true]);
  });
});

describe('the record of a sweep', () => {
  it('is read back; another that is damaged is passed over, and told where it is named', async () => {
    const record = { name: 'study', experimentFile: '/lab/study.mim.yaml', startedAt: '2026-01-01T00:00:00.000Z', cells: [{ name: 'a', values: { seed: 1 }, identity: 'x' }] };
    await writeSweep(runs, record);
    await writeSweep(runs, { ...record, name: 'torn', cells: 3 as unknown as [] });
    expect(await readSweeps(runs)).toEqual([record]);
    await expect(readSweep(sweepFile(runs, 'torn'))).rejects.toMatchObject({ code: 'MIM7403', exitCode: 1 });
    await expect(readSweep(sweepFile(runs, 'other'))).rejects.toMatchObject({ code: 'MIM7403', exitCode: 4 });
  });
});

describe('the name of a sweep', () => {
  it('belongs to the experiment that has it, as long as that is there', async () => {
    const [first, second] = [join(runs, 'first.mim.yaml'), join(runs, 'second.mim.yaml')];
    for (const file of [first, second]) await writeFile(file, '');
    await freezeSweep(expanded('{ seeds: 2 }'), '', first);
    await expect(freezeSweep(expanded('{ seeds: 3 }'), '', second)).rejects.toMatchObject({ code: 'MIM7409' });
    await symlink(first, join(runs, 'link.mim.yaml'));
    await freezeSweep(expanded('{ seeds: 2 }'), '', join(runs, 'link.mim.yaml'));
    await rm(first);
    expect((await freezeSweep(expanded('{ seeds: 3 }'), '', second)).cells).toHaveLength(3);
  });

  it('may be that of single runs, which do not withdraw one another, but not of both', async () => {
    const single = (seed: number): ExpandedSweep => {
      const { cells, ...rest } = expanded(`{ seeds: [${seed}] }`);
      return { ...rest, name: 'single', cells: [{ ...cells[0]!, name: 'single', values: {} }] };
    };
    await freezeSingle(single(1), '', '/lab/study.mim.yaml', 'why');
    const { cells } = await freezeSingle(single(2), '', '/lab/study.mim.yaml');
    expect(cells.map(({ name, withdrawn, note }) => ({ name, withdrawn, note }))).toEqual([{ name: 'single', note: 'why' }, { name: 'single' }]);
    await freeze('{ seeds: 2 }');
    await expect(freezeSingle({ ...single(1), name: expanded('{ seeds: 2 }').name }, '', '/lab/study.mim.yaml')).rejects.toMatchObject({ code: 'MIM7410' });
  });
});

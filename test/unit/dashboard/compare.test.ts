import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDashboardModel, type DashboardModel } from '../../../extension/core/dashboard/model';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import type { CompareData, DashboardState } from '../../../extension/core/protocol/dashboard';
import { lines, libraryOf, makeConfig, makeRun, makeState } from './runs';

let folder: string;
let model: DashboardModel;
let runs: LibraryRun[];
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-compare-'));
  const probe = (step: number, top1: number) => ({ protocol: 'linear', step, subject: 'student', features: 'cls', top1 });
  runs = [
    await makeRun(folder, 'a', [{ step: 1, loss: 1 }, { step: 2, loss: 3 }], { config: makeConfig('masking: { ratio: 0.5 }\n'), evaluations: [probe(1, 0.9), probe(2, 0.6)] }),
    await makeRun(folder, 'b', [{ step: 1, loss: 2 }], { config: makeConfig('masking: { ratio: 0.75 }\n'), state: 'failed' }),
    await makeRun(folder, 'elsewhere', [], { origin: 'mae-log', state: 'external', key: path.join(folder, 'elsewhere', 'elsewhere') }),
  ];
  await writeFile(runs[2]!.key, lines([{ step: 1, loss: 5, train_acc1: 7 }]));
  model = createDashboardModel({ library: libraryOf(runs), pollMs: 10 });
});
afterEach(async () => {
  model.dispose();
  await rm(folder, { recursive: true, force: true });
});

async function compare(changes: Partial<DashboardState['compare']> = {}, baseline?: string): Promise<CompareData> {
  const state = makeState(runs, { view: 'compare' });
  return (await model.view({ ...state, baseline, compare: { ...state.compare, ...changes } })) as CompareData;
}

const table = ({ columns, rows }: CompareData) => [columns.map(({ name }) => name), ...rows.map(({ cells }) => cells)];

it('columns chosen by the host: how good a run is, the config keys that differ, and what was measured', async () => {
  expect(table(await compare())).toEqual([
    ['name', 'state', 'step', 'probe:linear', 'config:masking.ratio', 'loss'],
    ['a', 'finished', 100, 0.6, 0.5, 3],
    ['b', 'failed', 100, null, 0.75, 2],
    ['elsewhere', 'external', 100, null, null, 5],
  ]);
});

it('best, last and smoothed', async () => {
  const of = async (summary: 'best' | 'last' | 'smoothed') => (await compare({ summary, columns: ['loss', 'probe:linear'] })).rows[0]!.cells;
  expect(await of('best')).toEqual([1, 0.9]);
  expect(await of('last')).toEqual([3, 0.6]);
  expect((await of('smoothed'))[0]).toBeCloseTo((0.9 * 1 + 3) / 1.9, 5);
});

it('a learning rate has no best value: its last stands for it', async () => {
  runs.push(await makeRun(folder, 'c', [{ step: 1, lr: 0, skipped_steps: 0 }, { step: 2, lr: 1, skipped_steps: 1 }, { step: 3, lr: 0.5, skipped_steps: 2 }]));
  expect((await compare({ summary: 'best', columns: ['lr', 'skipped_steps'] })).rows.at(-1)!.cells).toEqual([0.5, 2]);
});

it('filters by expressions over columns, with or without their prefix', async () => {
  const kept = async (filter: string) => (await compare({ filter })).rows.map(({ run }) => path.basename(run));
  expect(await kept('masking.ratio > 0.6')).toEqual(['b']);
  expect(await kept('linear > 0.4 and loss < 10')).toEqual(['a']);
  expect(await kept('state == "failed" or state == "external"')).toEqual(['b', 'elsewhere']);
  expect(await kept('teacher == 1')).toEqual(['a', 'b', 'elsewhere']);
});

it.each([
  ['bogus > 1', 'There is no column `bogus`. Text is written in double quotes: state == "running".'],
  ['loss >', /^The filter is not an expression: .*Try `loss < 0.5 and state == "finished"`\.$/],
])('the filter %j hides nothing and says why', async (filter, problem) => {
  const data = await compare({ filter });
  expect(data.filterProblem).toMatch(problem);
  expect(data.rows).toHaveLength(3);
  expect(data.filterProblem).not.toContain('\n');
});

it('sorts with empty cells last, and keeps the baseline on top, even of what is filtered out', async () => {
  const order = async (descending: boolean, baseline?: string, filter = '') => (await compare({ sort: { column: 'config:masking.ratio', descending }, filter }, baseline)).rows.map(({ run }) => path.basename(run)).join(' ');
  expect(await order(false)).toBe('a b elsewhere');
  expect(await order(true)).toBe('b a elsewhere');
  expect(await order(true, runs[2]!.key)).toBe('elsewhere b a');
  expect(await order(true, runs[0]!.key, 'loss == 2')).toBe('a b');
});

it('only what differs, and the differences of the configs in the order of the rows', async () => {
  const data = await compare({ onlyDifferences: true, columns: ['name', 'method', 'step', 'config:masking.ratio'], sort: { column: 'loss', descending: false } });
  expect(data.columns.map(({ name }) => name)).toEqual(['name', 'method', 'config:masking.ratio']);
  expect(data.differences).toEqual([{ key: 'masking.ratio', values: [0.75, 0.5, null] }]);
});

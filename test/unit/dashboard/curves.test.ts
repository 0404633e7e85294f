import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDashboardModel, type DashboardModel } from '../../../extension/core/dashboard/model';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import type { CurvesData, DashboardState } from '../../../extension/core/protocol/dashboard';
import { libraryOf, lines, makeConfig, makeRun, makeState, makeStatus } from './runs';

let folder: string;
let model: DashboardModel;
beforeEach(async () => void (folder = await mkdtemp(path.join(os.tmpdir(), 'mim-curves-'))));
afterEach(async () => {
  model.dispose();
  await rm(folder, { recursive: true, force: true });
});

function open(...runs: LibraryRun[]): DashboardModel {
  return (model = createDashboardModel({ library: libraryOf(runs), pollMs: 10 }));
}

async function curvesOf(runs: readonly LibraryRun[], changes: Partial<DashboardState['curves']> = {}): Promise<CurvesData> {
  const state = makeState(runs);
  return (await model.view({ ...state, curves: { ...state.curves, ...changes } })) as CurvesData;
}

const record = (step: number) => ({ step, epoch: step / 10, loss: 1 / step, lr: 1e-4, level_losses: [step, 2 * step], grad_norm: 1, images_per_second: 9, time: new Date(Date.UTC(2026, 0, 1) + step * 2000).toISOString() });
const records = [1, 2, 3].map(record);

it('lines of every usual metric, grouped, and none of a metric that is missing', async () => {
  const run = await makeRun(folder, 'a', records);
  open(run);
  const data = await curvesOf([run]);
  expect(data.metrics.map(({ name, group }) => `${group}/${name}`)).toEqual(['loss/loss', 'levels/level_1', 'levels/level_2', 'optimizer/lr', 'optimizer/grad_norm', 'speed/images_per_second']);
  expect(data.series.find(({ metric }) => metric === 'loss')).toEqual({ run: run.key, metric: 'loss', x: Float64Array.of(1, 2, 3), y: Float64Array.of(1, 0.5, Math.fround(1 / 3)) });
  expect((await curvesOf([run], { metrics: ['nothing'] })).series).toEqual([]);
});

it('x is step, epoch, seconds since the first record, or GMAC as the run recorded them', async () => {
  const config = makeConfig('optimizer: { batch_size: 256 }\n');
  const run = await makeRun(folder, 'a', records, { config });
  await writeFile(path.join(run.key, 'environment.json'), '{"gmacPerImage": 0.5}');
  open(run);
  const xOf = async (x: DashboardState['curves']['x']) => (await curvesOf([run], { x, metrics: ['loss'] })).series[0]!.x;
  expect(await xOf('epoch')).toEqual(Float64Array.of(0.1, 0.2, 0.3));
  expect(await xOf('time')).toEqual(Float64Array.of(0, 2, 4));
  expect(await xOf('gmac')).toEqual(Float64Array.of(128, 256, 384));
});

it('levels as a heat map: rows are levels, columns are x', async () => {
  const run = await makeRun(folder, 'a', records);
  open(run);
  const data = await curvesOf([run], { heatMap: true });
  expect(data.heatMaps).toEqual([{ run: run.key, matrix: { rows: ['1', '2'], columns: ['1', '2', '3'], values: [[1, 2, 3], [2, 4, 6]] } }]);
  expect(data.series.some(({ metric }) => metric.startsWith('level_'))).toBe(false);
});

it('gradients and updates by block are offered in the order of the model, and drawn where they are asked for', async () => {
  const run = await makeRun(folder, 'a', [1, 2].map((step) => ({ step, loss: 1, block_grad_norms: [1, 2, 3, 4], block_update_ratios: [0.1, 0.2, 0.3, 0.4] })));
  open(run);
  const data = await curvesOf([run]);
  expect(data.metrics.filter(({ group }) => group === 'blocks').map(({ label }) => label)).toEqual([
    'Gradient norm of embedding', 'Update ratio of embedding', 'Gradient norm of block 1', 'Update ratio of block 1', 'Gradient norm of block 2', 'Update ratio of block 2', 'Gradient norm of heads', 'Update ratio of heads',
  ]);
  expect(data.series.map(({ metric }) => metric)).toEqual(['loss']);
  const { heatMaps } = await curvesOf([run], { heatMap: true });
  expect(heatMaps.map(({ of }) => of)).toEqual(['block_grad_norm', 'block_update_ratio']);
  expect(heatMaps[0]!.matrix).toEqual({ rows: ['embedding', '1', '2', 'heads'], columns: ['1', '2'], values: [[1, 1], [2, 2], [3, 3], [4, 4]] });
  expect((await curvesOf([run], { metrics: ['block_grad_norm_2'] })).series.map(({ y }) => [...y])).toEqual([[3, 3]]);
});

it('the band of what was recorded stands behind the curves of a few runs, not of many', async () => {
  const runs = await Promise.all(Array.from({ length: 13 }, (_, i) => makeRun(folder, `run-${i}`, records)));
  open(...runs);
  const bandsOf = async (count: number) => (await curvesOf(runs.slice(0, count), { metrics: ['loss'], smoothing: 0.6 })).series.filter(({ low, high }) => low && high).length;
  expect(await bandsOf(12)).toBe(12);
  expect(await bandsOf(13)).toBe(0);
});

it('a live run is followed, also when a resume rewrites its metrics', async () => {
  const run = await makeRun(folder, 'a', records, { state: 'running' });
  open(run);
  const last = async () => (await curvesOf([run], { metrics: ['loss'] })).series[0]?.x.at(-1);
  expect(await last()).toBe(3);
  const news = new Promise<void>((resolve) => void model.onChange(resolve));
  await appendFile(path.join(run.key, 'metrics.jsonl'), lines([record(4)]));
  await news;
  expect(await last()).toBe(4);
  const more = new Promise<void>((resolve) => void model.onChange(resolve));
  await writeFile(path.join(run.key, 'new'), lines([record(2)]));
  await rename(path.join(run.key, 'new'), path.join(run.key, 'metrics.jsonl'));
  await more;
  expect(await last()).toBe(2);
});

it('of a long file a sample is shown at once and then all of it', async () => {
  const run = await makeRun(folder, 'a', Array.from({ length: 30_000 }, (_, i) => record(i + 1)));
  open(run);
  const whole = new Promise<void>((resolve) => void model.onChange(resolve));
  const sample = (await curvesOf([run], { metrics: ['loss'] })).series[0]!;
  expect(sample.x[0]).toBeLessThan(10);
  expect(sample.x.at(-1)).toBe(30_000);
  await whole;
  const { x, low } = (await curvesOf([run], { metrics: ['loss'] })).series[0]!;
  expect(x.at(-1)).toBe(30_000);
  expect(Math.min(...low!)).toBe(Math.fround(1 / 30_000));
});

it('a run without metrics, a removed folder and an unknown key show nothing and break nothing', async () => {
  const [a, b, c] = [await makeRun(folder, 'a', records), await makeRun(folder, 'b', []), await makeRun(folder, 'c', records)];
  await rm(c.key, { recursive: true });
  open(a, b, c);
  const state = makeState([a, b, c]);
  const data = (await model.view({ ...state, selected: [...state.selected, '/gone'] })) as CurvesData;
  expect(new Set(data.series.map(({ run }) => run))).toEqual(new Set([a.key]));
});

it('warnings name a loss that is no number, divergence and a stalled probe', async () => {
  const steps = Array.from({ length: 400 }, (_, i) => i + 1);
  const probes = [1, 2, 3, 4].map((step) => ({ protocol: 'knn', step, subject: 'student', features: 'cls', top1: 0.5 - step / 100 }));
  const runs = [
    await makeRun(folder, 'nan', [{ step: 1, loss: 1 }, { step: 2, loss: null }]),
    await makeRun(folder, 'diverges', steps.map((step) => ({ step, loss: step < 200 ? 1 : 5 }))),
    await makeRun(folder, 'stalls', steps.map((step) => ({ step, loss: 1 - step / 1000 })), { evaluations: probes }),
    await makeRun(folder, 'flat', steps.map((step) => ({ step, loss: 1 })), { state: 'running' }),
    await makeRun(folder, 'fine', steps.map((step) => ({ step, loss: 1 / step }))),
  ];
  open(...runs);
  const { warnings } = await curvesOf(runs);
  expect(warnings.map(({ run, text }) => `${path.basename(run)}: ${text}`)).toEqual([
    'nan: The loss is not a number at step 2.',
    'diverges: The loss diverges: 5 now, 1 at its lowest.',
    'stalls: The loss falls, but the probe has not improved over its last three results.',
    'flat: The loss has fallen by less than 0.5 % over the last third of 400 records.',
  ]);
});

it('warnings name features that collapse, by the last look at the levels or by a probe, and a loss where nothing is learnt', async () => {
  const level = (collapseStd: number) => ({ attentionDistance: [1], attentionEntropy: [1], attentionNmi: [1], tokenUniformity: 0, fourierLogAmplitude: 0, rankMe: 9, collapseStd });
  const diagnose = async (run: LibraryRun, step: number, collapseStd: number) => {
    await mkdir(path.join(run.key, 'diagnostics'), { recursive: true });
    await writeFile(path.join(run.key, 'diagnostics', `step-${step}.json`), JSON.stringify({ step, images: 8, grid: 4, encoders: [{ subject: 'student', levels: [level(1), level(collapseStd)] }] }));
  };
  const config = makeConfig();
  const probe = (step: number, collapseStd: number) => ({ protocol: 'knn', step, subject: 'student', features: 'cls', top1: 0.5, collapseStd, featureWidth: 192 });
  const stuck = Array.from({ length: 400 }, (_, i) => ({ step: i + 1, epoch: i + 1, loss: 0.85 }));
  const runs = [
    await makeRun(folder, 'levels', records, { config }),
    await makeRun(folder, 'recovered', records, { config }),
    await makeRun(folder, 'probed', records, { evaluations: [probe(10, 1e-6), probe(20, 1e-5)] }),
    await makeRun(folder, 'stuck', stuck, { state: 'running', config: { ...config, method: 'maskalign' } }),
  ];
  await diagnose(runs[0]!, 10, 1e-5);
  await diagnose(runs[1]!, 10, 1e-5);
  await diagnose(runs[1]!, 20, 0.07);
  open(...runs);
  const { warnings } = await curvesOf(runs);
  expect(warnings.map(({ run, text }) => `${path.basename(run)}: ${text}`)).toEqual([
    'levels: The features of the last block collapse at step 10: their deviation between images is 0.00001, near 0.0722 is healthy.',
    'probed: The features of knn collapse at step 20: their deviation between images is 0.00001, near 0.0722 is healthy.',
    'stuck: The loss stays near 0.85, which is what predicting nothing gives against whitened targets: 0.85 now.',
  ]);
});

it('rows: what is known of a run, and colours that a new run does not change', async () => {
  const old = await makeRun(folder, 'old', [], { status: makeStatus({ step: 50, loss: 0.3 }), marks: { starred: true, tags: ['x'], name: 'Old' }, name: 'Old' });
  const young = await makeRun(folder, 'young', [], { status: makeStatus({ startedAt: '2026-02-01T00:00:00.000Z' }) });
  const external = await makeRun(folder, 'elsewhere', [], { origin: 'csv', state: 'external', status: undefined, marks: { starred: false, tags: [], color: 7 } });
  const rows = open(young, old).rows();
  expect(rows[1]).toMatchObject({ name: 'Old', progress: 0.5, loss: 0.3, starred: true, tags: ['x'], color: 0 });
  expect(rows[0]!.color).toBe(1);
  expect(createDashboardModel({ library: libraryOf([old, external]) }).rows()[1]).toMatchObject({ state: 'external', color: 7 });
});

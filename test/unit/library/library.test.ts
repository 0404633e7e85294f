import { appendFile, mkdtemp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freezeResolved } from '../../../extension/core/config/freeze';
import type { RunLibrary } from '../../../extension/core/library/library';
import { createRunLibrary, type RunLibraryOptions } from '../../../extension/core/library/poll-library';
import { marksFile } from '../../../extension/core/library/marks';
import type { RunKey } from '../../../extension/core/protocol/dashboard';
import { RunDirectory } from '../../../extension/core/runs/run-directory';
import { makeConfig } from '../dashboard/runs';

let folder: string;
let runs: string;
let library: RunLibrary;
let told: RunKey[][];

function openLibrary(options: Partial<RunLibraryOptions> = {}): RunLibrary {
  const made = createRunLibrary({ pollMs: 0, externalMarks: path.join(folder, 'storage'), ...options });
  made.setPlaces({ runFolders: [runs], external: [path.join(folder, 'elsewhere')] });
  return made;
}

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'mim-library-'));
  runs = path.join(folder, 'runs');
  library = openLibrary();
  told = [];
  library.onChange((changed) => told.push([...changed].map((key) => path.basename(key)).sort()));
});
afterEach(async () => {
  library.dispose();
  await rm(folder, { recursive: true, force: true });
});

function newRun(name: string, environment: Readonly<Record<string, unknown>> = {}): Promise<RunDirectory> {
  return RunDirectory.create(runs, name, { resolvedYaml: freezeResolved(makeConfig('masking: { ratio: 0.6 }')), sourceYaml: '', environment });
}

const names = () => library.runs.map(({ name }) => name).sort();

it('has no runs where the folder is not there yet, and sees it come', async () => {
  await library.refresh();
  expect(library.runs).toEqual([]);
  await newRun('first', { sweep: 'ratio' });
  await library.refresh();
  expect(library.runs[0]).toMatchObject({ id: 'first', origin: 'mim', sweep: 'ratio', config: { masking: { ratio: 0.6 } }, marks: { starred: false, tags: [] } });
  expect(told).toEqual([['first']]);
});

it('tells of the runs that changed alone, and of nothing where nothing did', async () => {
  const run = await newRun('a');
  await newRun('b');
  await library.refresh();
  await library.refresh();
  expect(told).toEqual([['a', 'b']]);
  await run.writeStatus({ state: 'finished', step: 7, totalSteps: 7 });
  await library.refresh();
  expect(told.at(-1)).toEqual(['a']);
  expect(library.get(path.join(runs, 'a'))).toMatchObject({ state: 'finished', status: { step: 7 } });
});

it('forgets a folder that is deleted, and shows one that is moved away as gone and its copy as new', async () => {
  await newRun('a');
  await newRun('b');
  await library.refresh();
  await rm(path.join(runs, 'a'), { recursive: true });
  await rename(path.join(runs, 'b'), path.join(runs, 'c'));
  await library.refresh();
  expect(names()).toEqual(['c']);
  expect(told.at(-1)).toEqual(['a', 'b', 'c']);
});

it('shows a run whose process is gone as lost', async () => {
  const run = await newRun('a');
  await run.writeStatus({ state: 'running', pid: 2 ** 22 + 1, host: os.hostname() });
  await library.refresh();
  expect(library.runs[0]?.state).toBe('lost');
});

it.each([['status.json', '{"state": "runn'], ['config.yaml', 'mim: [']])('says what is wrong with a run whose %s is damaged, and shows the others', async (name, text) => {
  await newRun('whole');
  await newRun('torn');
  await writeFile(path.join(runs, 'torn', name), text);
  await library.refresh();
  expect(names()).toEqual(['torn', 'whole']);
  expect(library.get(path.join(runs, 'torn'))?.problem).toContain(name);
  expect(library.get(path.join(runs, 'whole'))?.problem).toBeUndefined();
});

it('lists many new runs before it reads their configs, and each config once', async () => {
  await Promise.all(Array.from({ length: 40 }, (_, i) => newRun(`run-${i}`)));
  const withConfig: number[] = [];
  library.onChange(() => withConfig.push(library.runs.filter(({ config }) => config !== undefined).length));
  await library.refresh();
  expect(withConfig).toEqual([0, 40]);
  expect(library.runs.some(({ problem }) => problem !== undefined)).toBe(false);
  const before = library.get(path.join(runs, 'run-7'))!.config;
  await (await RunDirectory.open(path.join(runs, 'run-7'))).writeStatus({ state: 'finished', step: 3 });
  await library.refresh();
  expect(library.get(path.join(runs, 'run-7'))).toMatchObject({ state: 'finished' });
  expect(library.get(path.join(runs, 'run-7'))!.config).toBe(before);
});

it('passes over folders that are no runs', async () => {
  await mkdir(path.join(runs, 'notes', 'checkpoints'), { recursive: true });
  await writeFile(path.join(runs, 'file'), '');
  await library.refresh();
  expect(library.runs).toEqual([]);
});

it('keeps marks for the next window, in both directions', async () => {
  await newRun('a');
  await newRun('b');
  const other = openLibrary();
  await Promise.all([library.refresh(), other.refresh()]);
  await library.mark(path.join(runs, 'a'), { starred: true, name: 'best one' });
  await other.mark(path.join(runs, 'b'), { tags: ['paper'] });
  await library.refresh();
  expect(library.runs.map(({ name, marks }) => [name, marks.starred, marks.tags]).sort()).toEqual([['b', false, ['paper']], ['best one', true, []]]);
  other.dispose();
});

it('writes nothing into damaged marks', async () => {
  await newRun('a');
  await library.refresh();
  await mkdir(path.dirname(marksFile(runs)), { recursive: true });
  await writeFile(marksFile(runs), '{"a": ');
  await expect(library.mark(path.join(runs, 'a'), { starred: true })).rejects.toMatchObject({ code: 'MIM7401' });
  expect(await readFile(marksFile(runs), 'utf8')).toBe('{"a": ');
  expect(names()).toEqual(['a']);
});

it('keeps marks of runs made elsewhere out of their folders', async () => {
  const log = path.join(folder, 'elsewhere', 'mae', 'log.txt');
  await mkdir(path.dirname(log), { recursive: true });
  await writeFile(log, '{"train_loss": 1, "epoch": 0}\n');
  await library.refresh();
  await appendFile(log, '{"train_loss": 0.5, "epoch": 1}\n');
  library.setPlaces({ runFolders: [runs], external: [path.join(folder, 'elsewhere'), runs] });
  await library.refresh();
  expect(names()).toEqual(['mae']);
  await library.mark(log, { name: 'MAE, theirs' });
  expect(names()).toEqual(['MAE, theirs']);
  expect(await readFile(log, 'utf8')).not.toContain('theirs');
});

it('says so where a run to be marked is gone', async () => {
  await expect(library.mark(path.join(runs, 'nobody'), { starred: true })).rejects.toMatchObject({ code: 'MIM7402' });
});

const memory = (version = '1') => ({ memory: { folder: path.join(folder, 'memory'), version } });

/** What a new window shows first, and in the end. */
async function nextWindow(options: Partial<RunLibraryOptions>): Promise<string[][]> {
  const next = openLibrary(options);
  const shown: string[][] = [];
  next.onChange(() => shown.push(next.runs.map(({ id, state, config }) => `${id} ${state} ${config?.masking.ratio}`).sort()));
  await next.refresh();
  next.dispose();
  return shown;
}

it('shows at once what the window before it knew, and then what is there', async () => {
  for (const name of ['gone', 'stays', 'works', 'changes']) await (await newRun(name)).writeStatus({ state: name === 'works' ? 'running' : 'finished' });
  await nextWindow(memory());
  await rm(path.join(runs, 'gone'), { recursive: true });
  await (await RunDirectory.open(path.join(runs, 'changes'))).writeStatus({ state: 'stopped' });
  expect(await nextWindow(memory())).toEqual([['changes finished 0.6', 'gone finished 0.6', 'stays finished 0.6'], ['changes stopped 0.6', 'stays finished 0.6', 'works running 0.6']]);
  expect(await nextWindow(memory('2')), 'of another version nothing is believed').toHaveLength(1);
  for (const name of await readdir(path.join(folder, 'memory'))) await writeFile(path.join(folder, 'memory', name), '{"version":"2",');
  expect(await nextWindow(memory('2')), 'nor of a damaged file').toHaveLength(1);
});

it('looks at each of many runs that do nothing in turn, and at one at work every time', async () => {
  const many = await Promise.all(Array.from({ length: 130 }, (_, i) => newRun(`run-${i}`)));
  for (const [i, run] of many.entries()) await run.writeStatus({ state: i === 0 ? 'running' : 'finished', step: 1 });
  const looking = openLibrary({ pollMs: 20 });
  await looking.refresh();
  for (const run of many) await run.writeStatus({ step: 2 });
  await expect.poll(() => looking.get(many[0]!.path)?.status?.step).toBe(2);
  await expect.poll(() => looking.runs.filter(({ status }) => status?.step === 2).length).toBe(130);
  looking.dispose();
});

it('gives every run its turn where there are several folders of runs', async () => {
  const other = path.join(folder, 'other-runs');
  const resolvedYaml = freezeResolved(makeConfig('masking: { ratio: 0.6 }'));
  const make = (place: string, count: number) => Promise.all(Array.from({ length: count }, (_, i) => RunDirectory.create(place, `run-${i}`, { resolvedYaml, sourceYaml: '', environment: {} })));
  // More in each folder than one look looks at.
  const many = [...(await make(runs, 120)), ...(await make(other, 110))];
  for (const run of many) await run.writeStatus({ state: 'finished', step: 1 });
  const looking = openLibrary({ pollMs: 5 });
  looking.setPlaces({ runFolders: [runs, other], external: [] });
  await looking.refresh();
  for (const run of many) await run.writeStatus({ step: 2 });
  await expect.poll(() => looking.runs.filter(({ status }) => status?.step === 2).length, { timeout: 60_000 }).toBe(230);
  looking.dispose();
});

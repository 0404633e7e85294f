import { describe, expect, it } from 'vitest';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import { bestProbe } from '../../../extension/core/runs/run-report';
import { possibleWith } from '../../../extension/ui/sidebar/possible';
import { matches } from '../../../extension/ui/sidebar/run-filter';
import { sortRuns, type Order } from '../../../extension/ui/sidebar/run-order';
import { describeSweep, runsTree } from '../../../extension/ui/sidebar/runs-tree';
import { describeRun, secondsLeft } from '../../../extension/ui/sidebar/run-text';
import { commonTags, retagged } from '../../../extension/ui/sidebar/tags';
import { makeConfig, makeStatus, type Changes } from '../dashboard/runs';

function run(id: string, changes: Changes<LibraryRun> = {}): LibraryRun {
  return { key: `/runs/${id}`, id, name: id, origin: 'mim', state: 'finished', status: makeStatus(), marks: { starred: false, tags: [] }, evaluations: [], checkpoints: [], ...changes };
}

const probe = (protocol: string, top1: number, subject = 'student') => ({ protocol, subject, features: 'mean', step: 100, top1 });

describe('filter', () => {
  const one = run('ratio-07', { sweep: 'ratio', state: 'failed', marks: { starred: true, tags: ['Paper'] }, config: makeConfig() });
  it.each([['', true], ['RATIO', true], ['state:failed', true], ['state:running', false], ['-state:failed', false], ['tag:paper method:supervised', true], ['is:starred -other', true], ['paper nothing', false], ['"ratio-07"', true], ['-', true]])(
    '%s → %s', (filter, expected) => expect(matches(one, filter)).toBe(expected));
});

describe('order', () => {
  const a = run('b-10', { evaluations: [probe('linear', 0.4), probe('knn', 0.9)], status: makeStatus({ step: 50, loss: 0.3, startedAt: '2026-01-02T00:00:00.000Z' }) });
  const b = run('b-9', { evaluations: [probe('linear', 0.5)], state: 'running', status: makeStatus({ step: 100, loss: 0.2 }) });
  const c = run('a', { state: 'lost', status: undefined });
  const s = run('z', { marks: { starred: true, tags: [] }, status: undefined });
  it.each<[Order, string[]]>([
    ['newest', ['z', 'b-10', 'b-9', 'a']], ['name', ['z', 'a', 'b-9', 'b-10']], ['state', ['z', 'b-9', 'a', 'b-10']], ['probe', ['z', 'b-9', 'b-10', 'a']], ['loss', ['z', 'b-9', 'b-10', 'a']], ['progress', ['z', 'b-9', 'b-10', 'a']],
  ])('by %s puts starred runs first and unknown values last', (order, expected) => {
    expect(sortRuns([a, b, c, s], order).map(({ id }) => id)).toEqual(expected);
  });
});

describe('best probe', () => {
  it('is of the linear protocol where there is one, of the student alone', () => {
    const evaluations = [probe('knn', 0.9), probe('linear', 0.4), probe('linear', 0.5), probe('linear', 0.99, 'teacher')];
    expect(bestProbe(evaluations)).toEqual(probe('linear', 0.5));
    expect(bestProbe(evaluations, 'knn')?.top1).toBe(0.9);
    expect(bestProbe([probe('linear', 0.9, 'random')])).toBeUndefined();
  });
});

describe('tree', () => {
  const runs = [run('x'), run('s0', { sweep: 'ratio' }), run('y'), run('s1', { sweep: 'ratio', state: 'running', status: makeStatus({ step: 45 }) })];

  it('puts the runs of a sweep under one row, open while one of them runs', () => {
    const tree = runsTree(runs, { filter: '', order: 'name' });
    expect(tree.map(({ face }) => face.label)).toEqual(['ratio', 'x', 'y']);
    expect(tree[0]).toMatchObject({ open: true, children: [{ face: { label: 's0' } }, { face: { label: 's1', contextValue: 'run:running' } }] });
    expect(describeSweep(runs.filter(({ sweep }) => sweep))).toBe('1 of 2 done · 1 running, 45 %');
  });

  it('leaves out a sweep none of whose runs fit the filter', () => {
    expect(runsTree(runs, { filter: 'x', order: 'name' }).map(({ face }) => face.label)).toEqual(['x']);
  });

  it('keeps what follows the first 200 rows under one, and finds it there by the filter', () => {
    const many = Array.from({ length: 1000 }, (_, i) => run(`run-${i}`));
    const tree = runsTree(many, { filter: '', order: 'name' });
    expect(tree).toHaveLength(201);
    expect(tree.at(-1)).toMatchObject({ node: { kind: 'rest' }, face: { label: '800 more' } });
    expect([...tree.slice(0, 200), ...tree.at(-1)!.children].map(({ face }) => face.label)).toEqual(many.map(({ name }) => name));
    expect(runsTree(many, { filter: 'run-999', order: 'name' }).map(({ face }) => face.label)).toEqual(['run-999']);
    expect(runsTree(many.slice(0, 201), { filter: '', order: 'name' })).toHaveLength(201);
  });

  it('warns of a run that could not be read whole', () => {
    expect(runsTree([run('x', { problem: 'metrics.jsonl cannot be read' })], { filter: '', order: 'name' })[0]?.face.icon).toBe('warning');
  });
});

describe('words', () => {
  it('say of a finished run what it is worth, of others how far they came', () => {
    expect(describeRun(run('x', { evaluations: [probe('linear', 0.421)], marks: { starred: true, tags: ['paper'] } }))).toBe('★ · linear 42.10 % · #paper');
    expect(describeRun(run('x', { state: 'lost', status: makeStatus({ step: 99, totalSteps: 1000, loss: 0.12345 }) }))).toMatch(/^lost at 9 % · loss 0\.123/);
  });

  it('know the time left only from a speed', () => {
    const config = makeConfig('optimizer: { batch_size: 50 }');
    expect(secondsLeft(run('x', { config, status: makeStatus({ step: 80, imagesPerSecond: 100 }) }))).toBe(10);
    expect(secondsLeft(run('x', { config, status: makeStatus({ imagesPerSecond: 0 }) }))).toBeUndefined();
    expect(secondsLeft(run('x', { config, status: makeStatus({ step: 1, imagesPerSecond: 1 }) }))).toBeUndefined();
  });
});

describe('what can be done', () => {
  const checkpoint = { path: '/c', step: 1, epoch: 1, bytes: 1, createdAt: '' };
  it.each<[string, LibraryRun[], string[]]>([
    ['nothing', [], []],
    ['a run made elsewhere', [run('e', { state: 'external', origin: 'csv' })], ['hasRuns']],
    ['one running', [run('a', { state: 'running', checkpoints: [checkpoint] })], ['hasRuns', 'hasCheckpoints', 'canPause']],
    ['one paused', [run('a', { state: 'paused' })], ['hasRuns', 'canContinue']],
    ['two, one of them lost', [run('a', { state: 'lost', checkpoints: [checkpoint] }), run('b')], ['hasRuns', 'canCompare', 'canDiff', 'hasCheckpoints', 'canResume', 'canDelete']],
  ])('with %s', (_, runs, expected) => {
    expect(Object.entries(possibleWith(runs)).flatMap(([key, can]) => (can ? [key] : []))).toEqual(expected.map((key) => `mim.${key}`));
  });
});

it('of a run made elsewhere its latest loss is told', () => {
  expect(describeRun(run('e', { state: 'external', origin: 'mae-log', status: undefined, last: { step: 29, loss: 0.25 } }))).toBe('log.txt · loss 0.25');
});

describe('tags of several runs', () => {
  const first = run('a', { marks: { starred: false, tags: ['paper', 'old'] } });
  const second = run('b', { marks: { starred: false, tags: ['paper', 'mine'] } });

  it('offers what all have, and leaves what only some have', () => {
    const common = commonTags([first, second]);
    expect(common).toEqual(['paper']);
    expect(retagged(first.marks.tags, common, ['final'])).toEqual(['old', 'final']);
    expect(retagged(second.marks.tags, common, ['paper', 'mine'])).toEqual(['mine', 'paper']);
  });
});

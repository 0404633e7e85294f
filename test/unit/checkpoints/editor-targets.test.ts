import path from 'node:path';
import { expect, it } from 'vitest';
import type { LibraryRun } from '../../../extension/core/library/library-run';
import { pageHtml } from '../../../extension/ui/checkpoint/page';
import { checkpointChoices, filesOf, inOrder } from '../../../extension/ui/checkpoint/targets';

const folderOf = (run: string, step: number) => path.join('/runs', run, 'checkpoints', `step-${step}`);
const modelOf = (run: string, step: number) => path.join(folderOf(run, step), 'model.safetensors');

function runWith(id: string, steps: readonly number[]): LibraryRun {
  return {
    key: `/runs/${id}`,
    id,
    name: id,
    origin: 'mim',
    state: 'finished',
    marks: { starred: false, tags: [] },
    evaluations: [{ protocol: 'linear', step: 20, subject: 'student', features: 'cls', top1: 0.412 }, { protocol: 'linear', step: 20, subject: 'random', features: 'cls', top1: 0.1 }],
    checkpoints: steps.map((step) => ({ path: folderOf(id, step), step, epoch: step / 10, bytes: 1, createdAt: '' })),
  };
}

const runs = [runWith('one', [10, 20]), runWith('two', [])];
const file = (fsPath: string) => ({ scheme: 'file', fsPath });
const checkpoint = (step: number) => ({ kind: 'checkpoint', run: '/runs/one', step, path: folderOf('one', step) }) as const;

it('a checkpoint is its model, a run its newest one, a file itself', () => {
  expect(filesOf(checkpoint(10), undefined, runs)).toEqual([modelOf('one', 10)]);
  expect(filesOf({ kind: 'run', run: '/runs/one' }, undefined, runs)).toEqual([modelOf('one', 20)]);
  expect(filesOf(file('/w/a.safetensors'), [file('/w/a.safetensors')], runs)).toEqual(['/w/a.safetensors']);
});

it('what has no checkpoint gives none, so that the user is asked', () => {
  expect(filesOf(undefined, undefined, runs)).toEqual([]);
  expect(filesOf({ kind: 'run', run: '/runs/two' }, undefined, runs)).toEqual([]);
  expect(filesOf({ kind: 'engine', engine: 'tfjs-cpu' }, undefined, runs)).toEqual([]);
});

it('a command on a selection is about all of it, each file once', () => {
  expect(filesOf(checkpoint(20), [checkpoint(20), checkpoint(10), file(modelOf('one', 10))], runs)).toEqual([modelOf('one', 20), modelOf('one', 10)]);
});

it('two checkpoints of a run are compared from the earlier to the later, others as chosen', () => {
  expect(inOrder([modelOf('one', 20), modelOf('one', 10)], runs)).toEqual([modelOf('one', 10), modelOf('one', 20)]);
  expect(inOrder(['/w/b.safetensors', modelOf('one', 10)], runs)).toEqual(['/w/b.safetensors', modelOf('one', 10)]);
});

it('choices are the latest first, with what the student reached', () => {
  expect(checkpointChoices(runs).map(({ label, description }) => [label, description])).toEqual([['one, step 20', 'epoch 2, linear 41.2 %'], ['one, step 10', 'epoch 1']]);
});

it('beside a file of a checkpoint the same file of others is offered', () => {
  const method = path.join(folderOf('one', 20), 'method.safetensors');
  expect(checkpointChoices(runs, method).map((choice) => choice.file)).toEqual([path.join(folderOf('one', 10), 'method.safetensors')]);
  expect(checkpointChoices(runs, '/w/exported.safetensors').map((choice) => choice.file)).toEqual([modelOf('one', 20), modelOf('one', 10)]);
});

const page = () => pageHtml({ title: 'A "b" <c>', script: 'https://host/checkpoint.js', style: 'https://host/checkpoint.css', source: 'https://host' });

it('a page runs its own script and nothing else, under a nonce that never comes twice', () => {
  const [first, second] = [page(), page()].map((html) => /script-src 'nonce-([^']+)'/.exec(html)![1]!);
  expect(first).not.toBe(second);
  expect(first!.length).toBeGreaterThanOrEqual(20);
  expect(page()).toContain("default-src 'none'");
  expect(page()).not.toMatch(/unsafe-eval|connect-src|script-src [^;]*(https:|unsafe-inline)/);
});

it('what is put into a page cannot become markup', () => {
  expect(page()).toContain('<title>A &quot;b&quot; &lt;c></title>');
});

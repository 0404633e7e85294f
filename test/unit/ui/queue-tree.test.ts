import { expect, it } from 'vitest';
import type { EntryState, QueueEntry, QueueState } from '../../../extension/core/queue/entry';
import { queueTree, queueWords } from '../../../extension/ui/queue/queue-tree';

function entry(id: string, state: EntryState, about: Partial<QueueEntry> = {}): QueueEntry {
  const spec = { kind: 'pretrain', configFile: '/a.mim.yaml' } as const;
  return { id, folder: `/queue/${id}`, name: `run-${id}`, spec, needs: { device: 'cpu', memory: 1, threads: 1 }, after: [], createdAt: '2026-01-01T00:00:00Z', priority: 0, state, attempts: 0, ...about };
}
const queue = (...entries: QueueEntry[]): QueueState => ({ folder: '/queue', paused: false, supervisor: { pid: 1, host: 'here' }, entries });

it('lists what is at work, then what is next by priority and age, then what has ended', () => {
  const rows = queueTree(queue(entry('1', 'done'), entry('2', 'waiting'), entry('3', 'waiting', { priority: 5 }), entry('4', 'running'), entry('10', 'waiting')));
  expect(rows.map(({ face }) => face.label)).toEqual(['run-4', 'run-3', 'run-2', 'run-10', 'run-1']);
});

it('says of an entry what it waits for, or why it is as it is', () => {
  const [blocked, waiting] = queueTree(queue(entry('7', 'waiting', { after: ['5', '6'] }), entry('8', 'blocked', { reason: '#6 failed' }))).map(({ face }) => face).reverse();
  expect(waiting).toMatchObject({ description: '#7 · waiting · after 5, 6', contextValue: 'queued:waiting' });
  expect(blocked).toMatchObject({ description: '#8 · blocked · #6 failed', spoken: 'run-8, #8, blocked, #6 failed' });
});

it('says where nothing will start', () => {
  expect(queueWords({ ...queue(entry('1', 'waiting')), paused: true })).toMatch(/^Paused/);
  expect(queueWords({ ...queue(entry('1', 'waiting')), supervisor: undefined })).toMatch(/^Nobody starts/);
  expect(queueWords({ ...queue(entry('1', 'done')), supervisor: undefined })).toBeUndefined();
  expect(queueWords(queue(entry('1', 'waiting')))).toBeUndefined();
});

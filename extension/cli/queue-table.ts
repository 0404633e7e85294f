/** The queue as a table. */
import type { QueueEntry, QueueState } from '../core/queue/entry';
import { age } from '../core/text/format';
import { tableLines } from './table';
import { shortPath } from './train';

export function queueLines({ entries, paused, supervisor }: QueueState): string[] {
  if (entries.length === 0) return ['The queue is empty. `mim queue add CONFIG` adds an experiment.'];
  const rows = entries.map((entry) => [entry.id, entry.state, entry.spec.kind, entry.name, String(entry.priority), needsText(entry), ageText(entry), entry.reason?.split('\n', 1)[0] ?? (entry.run === undefined ? '' : shortPath(entry.run))]);
  return [...tableLines(['id', 'state', 'job', 'name', 'priority', 'needs', 'age', 'why, or run'], rows, ['right', 'left', 'left', 'left', 'right', 'left', 'right']), '', summaryText(entries, paused, supervisor?.pid)];
}

function summaryText(entries: readonly QueueEntry[], paused: boolean, supervisor: number | undefined): string {
  const count = (...states: readonly QueueEntry['state'][]): number => entries.filter(({ state }) => states.includes(state)).length;
  const waiting = count('waiting');
  const who = paused ? 'The queue is paused (`mim queue resume`).' : supervisor !== undefined ? `Supervised by process ${supervisor}.` : waiting > 0 ? 'Nobody starts them: `mim queue run`.' : '';
  return `${count('starting', 'running', 'paused')} at work, ${waiting} waiting, ${count('held', 'blocked')} held or blocked, ${count('done')} done, ${count('failed', 'stopped', 'cancelled')} failed or stopped. ${who}`.trimEnd();
}

function needsText({ needs: { device, gpu, memory, threads } }: QueueEntry): string {
  return [device === 'gpu' ? (gpu === undefined ? 'gpu' : `gpu ${gpu}`) : undefined, threads === 0 ? 'all threads' : `${threads} thread${threads === 1 ? '' : 's'}`, memory > 0 ? `${Number(memory.toPrecision(3))} GiB` : undefined].filter((part) => part !== undefined).join(', ');
}

function ageText({ createdAt, startedAt, endedAt }: QueueEntry): string {
  return age(Date.now() - Date.parse(endedAt ?? startedAt ?? createdAt));
}

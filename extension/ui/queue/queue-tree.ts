/** What waits for its turn on this machine, as rows: at work first, then what is next, then what has ended. */
import type { EntryState, QueueEntry, QueueState } from '../../core/queue/entry';
import { leaf, type Row } from '../sidebar/row';
import { joined } from '../sidebar/run-text';

const ORDER: readonly EntryState[] = ['running', 'starting', 'paused', 'waiting', 'held', 'blocked', 'failed', 'stopped', 'cancelled', 'done'];

const ICONS: Readonly<Record<EntryState, readonly [icon: string, color?: string]>> = {
  running: ['sync~spin'],
  starting: ['loading~spin'],
  paused: ['debug-pause'],
  waiting: ['watch'],
  held: ['lock'],
  blocked: ['warning', 'list.warningForeground'],
  failed: ['error', 'list.errorForeground'],
  stopped: ['debug-stop'],
  cancelled: ['circle-slash'],
  done: ['pass', 'charts.green'],
};

export function queueTree({ entries }: QueueState): Row[] {
  const byTurn = (a: QueueEntry, b: QueueEntry) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || b.priority - a.priority || Number(a.id) - Number(b.id);
  return entries.toSorted(byTurn).map(row);
}

function row({ id, name, state, reason, priority, after }: QueueEntry): Row {
  const waits = state === 'waiting' && after.length > 0 ? `after ${after.join(', ')}` : undefined;
  const description = joined([`#${id}`, state, priority === 0 ? undefined : `priority ${priority}`, reason ?? waits]);
  const [icon, color] = ICONS[state];
  return leaf({ kind: 'queued', id }, { label: name, description, spoken: `${name}, ${description.replaceAll(' · ', ', ')}`, icon, color, contextValue: `queued:${state}` });
}

/** A sentence over the list where something is to be known of the whole queue. */
export function queueWords({ paused, supervisor, entries }: QueueState): string | undefined {
  if (paused) return 'Paused: nothing new starts.';
  const waits = entries.some(({ state }) => state === 'waiting');
  return waits && supervisor === undefined ? 'Nobody starts what waits here; resume the queue to begin.' : undefined;
}

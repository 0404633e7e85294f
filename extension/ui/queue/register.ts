/** The queue of this machine in the sidebar: what `mim queue` does, by clicks. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { EntryState, QueueEntry } from '../../core/queue/entry';
import { Queue } from '../../core/queue/queue';
import { queueFolder } from '../../core/queue/queue-files';
import { UserError } from '../../core/problems';
import { chooseExperiment, ready } from '../commands/experiments';
import { registerCommand } from '../commands/command';
import type { Node } from '../nodes';
import type { Register, Services } from '../services';
import { pollMs } from '../settings';
import { QueueView } from './queue-view';

const OPEN: readonly EntryState[] = ['waiting', 'held', 'blocked', 'starting', 'running', 'paused'];
const ENDED: readonly EntryState[] = ['failed', 'stopped', 'cancelled'];

export const registerQueue: Register = (services) => {
  const { log, command } = services;
  const queue = new Queue(queueFolder(), command());
  const view = new QueueView(queue, pollMs());
  const each = (id: string, title: string, states: readonly EntryState[], work: (entry: QueueEntry) => Promise<unknown>) =>
    registerCommand(log, id, async (clicked?: Node, selected?: readonly Node[]) => {
      for (const entry of await chooseEntries(queue, title, states, clicked, selected ?? view.selection)) await work(entry);
      await begin(queue);
      await view.refresh();
    });
  const whole = (id: string, work: () => Promise<unknown>) => registerCommand(log, id, async () => (await work(), view.refresh()));
  return vscode.Disposable.from(
    view,
    registerCommand(log, 'mim.queue.add', async (file?: unknown) => (await add(services, file), view.refresh())),
    whole('mim.queue.pause', () => queue.pause()),
    whole('mim.queue.resume', async () => (await queue.resume(), begin(queue))),
    whole('mim.queue.clear', () => clear(queue)),
    each('mim.queue.cancel', 'Cancel', OPEN, ({ id }) => queue.cancel(id)),
    each('mim.queue.hold', 'Hold', ['waiting', 'blocked'], ({ id }) => queue.hold(id)),
    each('mim.queue.release', 'Release', ['held'], ({ id }) => queue.release(id)),
    each('mim.queue.retry', 'Retry', ENDED, ({ id }) => queue.retry(id)),
    each('mim.queue.priority', 'Set Priority', ['waiting', 'held', 'blocked'], (entry) => askPriority(queue, entry)),
  );
};

/** `mim queue add` says what it did, or why it did not. */
async function add({ mim }: Services, given: unknown): Promise<void> {
  const file = await chooseExperiment(given);
  if (file === undefined || (await ready(file)) === undefined) return;
  const { stdout } = await mim.run(['queue', 'add', file.fsPath], { cwd: path.dirname(file.fsPath) });
  void vscode.window.showInformationMessage(stdout.trim().split('\n')[0] ?? 'Added to the queue.', 'Show Queue').then((chosen) => {
    if (chosen !== undefined) void vscode.commands.executeCommand('mim.queue.focus');
  });
}

/** Something may wait that nobody starts. */
async function begin(queue: Queue): Promise<void> {
  const { paused, entries } = await queue.read();
  if (!paused && entries.some(({ state }) => state === 'waiting')) await queue.ensureSupervisor();
}

async function chooseEntries(queue: Queue, title: string, states: readonly EntryState[], clicked: Node | undefined, selected: readonly Node[]): Promise<QueueEntry[]> {
  const nodes = selected.length > 0 ? selected : clicked === undefined ? [] : [clicked];
  const ids = nodes.flatMap((node) => (node.kind === 'queued' ? [node.id] : []));
  const fitting = (await queue.read()).entries.filter(({ state }) => states.includes(state));
  if (ids.length > 0) return fitting.filter(({ id }) => ids.includes(id));
  if (fitting.length === 0) throw new UserError('MIM9513', 'Nothing in the queue is in a state for that.');
  const choices = fitting.map((entry) => ({ label: entry.name, description: `#${entry.id}, ${entry.state}`, entry }));
  return ((await vscode.window.showQuickPick(choices, { title, canPickMany: true })) ?? []).map(({ entry }) => entry);
}

async function askPriority(queue: Queue, { id, name, priority }: QueueEntry): Promise<void> {
  const isWhole = (text: string) => (/^-?\d{1,6}$/.test(text.trim()) ? undefined : 'A whole number; greater ones start first.');
  const answer = await vscode.window.showInputBox({ title: `Priority of ${name}`, value: String(priority), prompt: 'Greater numbers start first.', validateInput: isWhole });
  if (answer !== undefined) await queue.setPriority(id, Number(answer));
}

async function clear(queue: Queue): Promise<void> {
  const entries = await queue.clearable();
  if (entries.length === 0) throw new UserError('MIM9513', 'Nothing in the queue has ended.');
  const words = `Remove ${entries.length === 1 ? 'the entry that has' : `${entries.length} entries that have`} ended from the queue?`;
  const chosen = await vscode.window.showWarningMessage(words, { modal: true, detail: 'Their runs stay.' }, 'Remove');
  if (chosen === 'Remove') await queue.clear(entries);
}

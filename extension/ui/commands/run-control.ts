/** What is under way: stopped, paused, continued. */
import { RunDirectory } from '../../core/runs/run-directory';
import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { LibraryRun } from '../../core/library/library-run';
import { isOver } from '../../core/jobs/job-state';
import { UserError } from '../../core/problems';
import { runsOf } from '../dashboard/runs-of';
import type { Node } from '../nodes';
import type { Register, Services } from '../services';
import { workOf } from '../status-bar/status-text';
import { chooseRuns } from './choose-run';
import { registerCommand } from './command';

export const registerRunControl: Register = (services) => {
  const { log, library } = services;
  const each = (id: string, title: string, fits: (run: LibraryRun) => boolean, none: string, work: (run: LibraryRun) => Promise<void>) =>
    registerCommand(log, id, async (clicked?: Node, selected?: readonly Node[]) => {
      for (const run of await chooseRuns(library, { title, fits, none, onlyOne: 'take' }, clicked, selected)) await work(run);
      await library.refresh();
    });
  return vscode.Disposable.from(
    registerCommand(log, 'mim.stop', (clicked?: Node, selected?: readonly Node[]) => stop(services, clicked, selected)),
    each('mim.pause', 'Pause', ({ state }) => state === 'running', 'No run is running.', async ({ key }) => (await RunDirectory.open(key)).requestPause()),
    each('mim.continue', 'Continue', ({ state }) => state === 'paused', 'No run is paused.', async ({ key }) => (await RunDirectory.open(key)).withdrawPause()),
  );
};

/** A training, or a job that trains nothing: one that still begins, or an evaluation. */
interface Stoppable {
  readonly label: string;
  readonly description: string;
  readonly work: LibraryRun | Job;
}

async function stop(services: Services, clicked?: Node, selected?: readonly Node[]): Promise<void> {
  const given = runsOf(clicked, selected, services.library.runs);
  const all = stoppable(services);
  const meant = given.length === 0 ? all : all.filter(({ work }) => 'key' in work && given.includes(work.key));
  if (meant.length === 0) throw new UserError('MIM9503', 'Nothing is at work that could be stopped.');
  const chosen = given.length > 0 || meant.length === 1 ? meant : [await vscode.window.showQuickPick(meant, { title: 'Stop', matchOnDescription: true })];
  for (const choice of chosen) if (choice !== undefined) await stopOne(services, choice);
  await services.library.refresh();
}

function stoppable({ library, jobs }: Services): Stoppable[] {
  const runs = library.runs.filter(({ state }) => state === 'running' || state === 'paused');
  const others = jobs.jobs.filter(({ state, run, spec }) => !isOver(state) && (spec.kind === 'evaluate' || !runs.some(({ key }) => key === run)));
  return [
    ...runs.map((run) => ({ label: run.name, description: `${run.state}${run.status === undefined ? '' : `, step ${run.status.step}`}`, work: run })),
    ...others.map((job) => ({ label: workOf(job), description: job.state, work: job })),
  ];
}

/** Through its job where it has one, so that a sweep stops with its run; another program's training is asked by its folder. */
async function stopOne({ jobs }: Services, { label, work }: Stoppable): Promise<void> {
  const isRun = 'key' in work;
  const job = isRun ? jobs.jobs.find(({ run, state, spec }) => run === work.key && spec.kind !== 'evaluate' && !isOver(state)) : work;
  if (job !== undefined) await jobs.stop(job);
  else if (isRun) await (await RunDirectory.open(work.key)).requestStop();
  vscode.window.setStatusBarMessage(`$(debug-stop) ${label} ${isRun ? 'saves a checkpoint and stops' : 'is being stopped'}.`, 5000);
}

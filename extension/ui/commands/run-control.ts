/** A training that is under way: stopped, paused, continued. */
import { RunDirectory } from '../../core/runs/run-directory';
import * as vscode from 'vscode';
import type { LibraryRun } from '../../core/library/library-run';
import { isOver } from '../../core/jobs/job-state';
import type { Node } from '../nodes';
import type { Register, Services } from '../services';
import { chooseRuns } from './choose-run';
import { registerCommand } from './command';

export const registerRunControl: Register = (services) => {
  const { log, library } = services;
  const isAtWork = ({ state }: LibraryRun) => state === 'running' || state === 'paused';
  const each = (id: string, title: string, fits: (run: LibraryRun) => boolean, none: string, work: (run: LibraryRun) => Promise<void>) =>
    registerCommand(log, id, async (clicked?: Node, selected?: readonly Node[]) => {
      for (const run of await chooseRuns(library, { title, fits, none }, clicked, selected)) await work(run);
      await library.refresh();
    });
  return vscode.Disposable.from(
    each('mim.stop', 'Stop', isAtWork, 'No run is at work.', (run) => stop(services, run)),
    each('mim.pause', 'Pause', ({ state }) => state === 'running', 'No run is running.', async ({ key }) => (await RunDirectory.open(key)).requestPause()),
    each('mim.continue', 'Continue', ({ state }) => state === 'paused', 'No run is paused.', async ({ key }) => (await RunDirectory.open(key)).withdrawPause()),
  );
};

/** Through its job where it has one, so that a sweep stops with its run; another program's training is asked by its folder. */
async function stop({ jobs }: Services, run: LibraryRun): Promise<void> {
  const job = jobs.jobs.find((candidate) => candidate.run === run.key && !isOver(candidate.state));
  if (job !== undefined) await jobs.stop(job);
  else await (await RunDirectory.open(run.key)).requestStop();
  vscode.window.setStatusBarMessage(`$(debug-stop) ${run.name} saves a checkpoint and stops.`, 5000);
}

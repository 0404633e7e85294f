/** The three views of the activity bar's container, and what is done in them. */
import * as vscode from 'vscode';
import type { RunLibrary } from '../../core/library/library';
import { registerCommand } from '../commands/command';
import type { Register } from '../services';
import { CheckpointsView } from './checkpoints-view';
import { EnginesView } from './engines-view';
import { registerRunsCommands } from './run-commands';
import { RunsView } from './runs-view';
import { Throttle } from './throttle';

/** Rows change at most this often, milliseconds. */
const PACE = 400;

function once(library: RunLibrary, listener: () => void): void {
  const stop = library.onChange(() => {
    stop();
    listener();
  });
}

export const registerSidebar: Register = (services) => {
  const { context, library, log, mim, selection } = services;
  const whole = library.refresh().catch((error: unknown) => log.error('The first look at the runs failed', error as Error));
  // Many runs are told of before all of them is read.
  const first = Promise.race([whole, new Promise<void>((resolve) => once(library, resolve))]);
  const runs = new RunsView(library, context.workspaceState, () => first);
  const checkpoints = new CheckpointsView(library, () => first);
  const engines = new EnginesView(mim, log, () => first);

  const updates = new Throttle(() => {
    runs.update();
    checkpoints.update();
  }, PACE);
  void first.then(() => updates.ask());
  const stopListening = library.onChange(() => updates.ask());
  const selecting = runs.view.onDidChangeSelection(({ selection: rows }) => (selection.runs = rows));
  const commands = [registerRunsCommands(runs)(services), registerCommand(log, 'mim.engines.refresh', () => engines.refresh())];
  return vscode.Disposable.from(runs, checkpoints, engines, updates, selecting, new vscode.Disposable(stopListening), ...commands);
};

/** What runs now, at the bottom of the window. */
import * as vscode from 'vscode';
import { isOver } from '../../core/jobs/job-state';
import type { Register } from '../services';
import { statusOf } from './status-text';

export const registerStatusBar: Register = ({ library, jobs }) => {
  const item = vscode.window.createStatusBarItem('mim.jobs', vscode.StatusBarAlignment.Left, 10);
  item.name = 'MIM Jobs';
  item.command = 'mim.openDashboard';
  let hadJobs = false;
  const update = () => {
    const atWork = library.runs.filter(({ state }) => state === 'running' || state === 'paused');
    const open = jobs.jobs.filter(({ state }) => !isOver(state));
    const status = statusOf(atWork, open.filter(({ run, spec }) => spec.kind === 'evaluate' || !atWork.some(({ key }) => key === run)));
    const hasJobs = status !== undefined;
    if (hasJobs !== hadJobs) void vscode.commands.executeCommand('setContext', 'mim.hasJobs', hasJobs);
    hadJobs = hasJobs;
    if (status === undefined) return item.hide();
    item.text = status.text;
    item.tooltip = status.tooltip;
    item.show();
  };
  const unlisten = [library.onChange(update), jobs.onChange(update)];
  update();
  return vscode.Disposable.from(item, { dispose: () => unlisten.forEach((stop) => stop()) });
};

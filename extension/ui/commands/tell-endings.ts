/** Says how a job ended, with a way to what it did or wrote. */
import path from 'node:path';
import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { Register } from '../services';
import { endingOf, JobEndings } from './job-endings';

const OUTPUT = 'Show Output';
const DASHBOARD = 'Open Dashboard';
const RESUME = 'Resume';

export const registerJobEndings: Register = ({ jobs, log }) => {
  const opened = new Date().toISOString();
  let endings: JobEndings | undefined;
  const tellThem = () => {
    for (const job of endings?.look(jobs.jobs) ?? []) void tell(job).then(undefined, (error: unknown) => log.error(String(error)));
  };
  const first = jobs.refresh().then(() => {
    endings = new JobEndings(opened, jobs.jobs);
    tellThem();
  });
  first.catch((error: unknown) => log.error(String(error)));
  return new vscode.Disposable(jobs.onChange(tellThem));
};

async function tell(job: Job): Promise<void> {
  const { text, isFailure } = endingOf(job);
  const canResume = job.state === 'lost' && job.run !== undefined && job.spec.kind !== 'evaluate' && vscode.workspace.isTrusted;
  const chosen = isFailure ? await vscode.window.showErrorMessage(`MIM: ${text}`, ...(canResume ? [RESUME] : []), OUTPUT) : await vscode.window.showInformationMessage(text, DASHBOARD);
  if (chosen === OUTPUT) await vscode.window.showTextDocument(vscode.Uri.file(path.join(job.folder, 'output.log')));
  if (chosen === RESUME) await vscode.commands.executeCommand('mim.resumeFromCheckpoint', { kind: 'run', run: job.run });
  if (chosen === DASHBOARD) await vscode.commands.executeCommand('mim.openDashboard', job.run === undefined ? undefined : { kind: 'run', run: job.run });
}

/** What this machine offers, in the log, where it can be copied from. */
import * as vscode from 'vscode';
import type { Register } from '../services';
import { registerCommand } from './command';

export const registerDoctor: Register = ({ log, mim }) =>
  registerCommand(log, 'mim.doctor', async () => {
    const options = { location: vscode.ProgressLocation.Notification, title: 'Looking at this machine', cancellable: true };
    const { stdout } = await vscode.window.withProgress(options, (_progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      // It ends with 1 where something is missing, and says what.
      return mim.run(['doctor'], { signal: abort.signal, accept: [0, 1] });
    });
    for (const line of stdout.trimEnd().split('\n')) log.info(line);
    log.show(true);
  });

/** What this machine offers, as a page that can be read and copied. */
import * as vscode from 'vscode';
import type { Register } from '../services';
import { registerCommand } from './command';

const PAGE = vscode.Uri.parse('mim-doctor:MIM%20Doctor.txt');

export const registerDoctor: Register = ({ log, mim }) => {
  const changed = new vscode.EventEmitter<vscode.Uri>();
  let report = '';
  const page = vscode.workspace.registerTextDocumentContentProvider(PAGE.scheme, { onDidChange: changed.event, provideTextDocumentContent: () => report });
  const command = registerCommand(log, 'mim.doctor', async () => {
    const options = { location: vscode.ProgressLocation.Notification, title: 'Looking at this machine', cancellable: true };
    const { stdout } = await vscode.window.withProgress(options, (_progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      // It ends with 1 where something is missing, and says what.
      return mim.run(['doctor'], { signal: abort.signal, accept: [0, 1] });
    });
    report = stdout;
    changed.fire(PAGE);
    await vscode.window.showTextDocument(PAGE, { preview: false });
  });
  return vscode.Disposable.from(changed, page, command);
};

/** Commands that fail say so in a sentence, with what to do; what went wrong inside goes to the log. */
import * as vscode from 'vscode';
import { UserError, sentences } from '../../core/problems';

export function registerCommand<Args extends unknown[]>(log: vscode.LogOutputChannel, id: string, work: (...args: Args) => unknown): vscode.Disposable {
  return vscode.commands.registerCommand(id, async (...args: Args) => {
    try {
      await work(...args);
    } catch (error) {
      await report(log, id, error);
    }
  });
}

async function report(log: vscode.LogOutputChannel, id: string, error: unknown): Promise<void> {
  if (error instanceof Error && (error.name === 'AbortError' || error instanceof vscode.CancellationError)) return;
  log.error(`${id}:`, error instanceof Error ? error : String(error));
  // A user's mistake is told whole; the log would say nothing more.
  if (error instanceof UserError) return void (await vscode.window.showErrorMessage(`MIM: ${sentences(error)}`));
  const chosen = await vscode.window.showErrorMessage('MIM: Something unexpected went wrong; the log has the details.', 'Show Log');
  if (chosen === 'Show Log') log.show(true);
}

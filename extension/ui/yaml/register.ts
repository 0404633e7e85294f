/** Help while an experiment is written, from the first one that is open on. */
import * as vscode from 'vscode';
import type { Register } from '../services';
import { isExperiment } from './experiment-files';

export const registerYaml: Register = (services) => {
  let support: Promise<vscode.Disposable> | undefined;
  const opened = vscode.workspace.onDidOpenTextDocument((document) => begin([document]));
  const begin = (documents: readonly vscode.TextDocument[]) => {
    if (support !== undefined || !documents.some(isExperiment)) return;
    opened.dispose();
    support = import('./support').then(({ supportExperiments }) => supportExperiments(services));
    support.catch((error: unknown) => services.log.error(error instanceof Error ? error : String(error)));
  };
  begin(vscode.workspace.textDocuments);
  return new vscode.Disposable(() => {
    opened.dispose();
    void support?.then((disposable) => disposable.dispose());
  });
};
